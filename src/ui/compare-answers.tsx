// The same prompt to all models: their answers side by side, each with what it takes and how fast it comes.

import type { AnswerState } from "../compare/answer-result.ts";
import { NumberField, TaskButton, TaskFailure } from "./compare-controls.tsx";
import { formatCount, formatSpeed } from "./quantities.ts";
import type { Page } from "./state/page.ts";

const ENDS: Readonly<Record<NonNullable<AnswerState["end"]>, string>> = {
  end: "The model ended its answer.",
  length: "Cut at the longest answer.",
  stopped: "Stopped.",
};

function statusOf({ readTokens, promptTokens, generatedTokens, end }: AnswerState): string {
  if (end) return ENDS[end];
  if (generatedTokens === 0) return `Reading: ${formatCount(readTokens)} of ${formatCount(promptTokens)} tokens.`;
  return "Writing…";
}

function Facts({ state }: { state: AnswerState }) {
  const { used, stateSize, runMsPerToken, writeMs, writtenTokens, promptLoss, position, generatedTokens } = state;
  const rows: readonly (readonly [string, string])[] = [
    ["State and keys", `${formatCount(used.recurrentState + used.keys)} bytes`],
    ["Bytes a token", formatCount(stateSize.bytesPerToken)],
    ["Now", runMsPerToken === null ? "–" : `${runMsPerToken.toFixed(2)} ms a token`],
    ["Speed", writtenTokens === 0 ? "–" : formatSpeed((1000 * writtenTokens) / writeMs)],
    ["Loss on the prompt", promptLoss === null ? "–" : `${promptLoss.toFixed(3)} nats a token`],
    ["Tokens", `${formatCount(position)} in the state, ${formatCount(generatedTokens)} written`],
  ];
  return (
    <dl class="facts compare-facts">
      {rows.map(([name, value]) => [
        <dt key={`${name} name`}>{name}</dt>,
        <dd key={name} class="measure" data-fact={name}>
          {value}
        </dd>,
      ])}
    </dl>
  );
}

function Answer({ name, state }: { name: string; state: AnswerState | null }) {
  return (
    <li class="compare-card" data-model={name} data-end={state?.end ?? ""}>
      <h3>{name}</h3>
      <p class="compare-answer">{state?.text}</p>
      <p class="compare-muted">{state ? statusOf(state) : "Waiting."}</p>
      {state && <Facts state={state} />}
    </li>
  );
}

export function CompareAnswers({ page }: { page: Page }) {
  const { settings, models, answers, answer, change } = page.compare;
  const { prompt, order } = settings.value;
  return (
    <section class="compare-section">
      <h2>The same prompt</h2>
      <form
        class="compare-form"
        onSubmit={(event) => {
          event.preventDefault();
          answer();
        }}
      >
        <label class="compare-wide">
          <span class="visually-hidden">Prompt</span>
          <textarea
            class="compare-text"
            rows={3}
            value={prompt}
            onInput={(event) => change({ prompt: event.currentTarget.value })}
          />
        </label>
        <div class="compare-controls">
          <TaskButton page={page} task="answer" label="Ask all" start={answer} />
          <label class="compare-field">
            <span>They write</span>
            <select
              class="compare-text"
              value={order}
              onChange={(event) =>
                change({ order: event.currentTarget.value === "in turns" ? "in turns" : "one after another" })
              }
            >
              <option value="in turns">in turns of 16 steps</option>
              <option value="one after another">one after another</option>
            </select>
          </label>
          <NumberField page={page} name="temperature" label="Temperature" />
          <NumberField page={page} name="seed" label="Seed" />
          <NumberField page={page} name="maxTokens" label="Longest answer" />
        </div>
      </form>
      <TaskFailure page={page} task="answer" />
      {answers.value.length > 0 && (
        <>
          <ul class="compare-columns" aria-label="Answers">
            {models.value.map(({ name }, index) => (
              <Answer key={name} name={name} state={answers.value[index] ?? null} />
            ))}
          </ul>
          <p class="compare-muted">
            All got the same prompt, seed and settings, and wrote{" "}
            {order === "in turns" ? "in turns of 16 steps" : order}. A time is that of the model’s own run of 16 steps,
            from its submit until the page knows its tokens: what the others do is not in it.
          </p>
        </>
      )}
    </section>
  );
}

// Questions about what was read. Each starts from the state after the document and costs only its own tokens.

import { useComputed } from "@preact/signals";
import type { ReadyModel } from "../worker/messages-model.ts";
import { SendIcon, StopIcon } from "./icons.tsx";
import { formatCount } from "./quantities.ts";
import type { Question } from "./state/document-questions.ts";
import type { Page } from "./state/page.ts";
import { TurnView } from "./turn-view.tsx";

function Verdict({ question }: { question: Question }) {
  const verdict = question.verdict.value;
  if (!verdict) return null;
  return (
    <p class="verdict" data-right={verdict.isRight}>
      {verdict.isRight ? "Right: " : "Not found: "}the text says <strong>{verdict.expected}</strong>.
    </p>
  );
}

function Suggestions({ page }: { page: Page }) {
  const { outline, progress, questions } = page.document;
  const asked = useComputed(() => new Set(questions.questions.value.map(({ userText }) => userText)));
  const { facts, numTokens } = outline.value!;
  const readDepth = progress.value.readTokens / numTokens;
  const open = facts.filter(({ question, depth }) => depth < readDepth && !asked.value.has(question));
  if (open.length === 0) return null;
  return (
    <>
      <p class="document-muted">Hidden in this text, from its beginning to its end:</p>
      <ul class="suggestions" aria-label="Questions about hidden facts">
        {open.map(({ question, depth }) => (
          <li key={question}>
            <button
              class="suggestion"
              type="button"
              disabled={questions.isAnswering.value}
              onClick={() => page.askDocument(question)}
            >
              <span>
                {question} <span class="measure document-muted suggestion-depth">at {formatCount(100 * depth)} %</span>
              </span>
              <SendIcon />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function QuestionField({ page }: { page: Page }) {
  const { draft, isAnswering, stop } = page.document.questions;
  const submit = (event: Event): void => {
    event.preventDefault();
    if (isAnswering.value) return;
    page.askDocument(draft.value);
    draft.value = "";
  };
  return (
    <form class="document-field" onSubmit={submit}>
      <label class="visually-hidden" for="document-question">
        Question about the text
      </label>
      <div class="field">
        <textarea
          id="document-question"
          rows={1}
          placeholder="Ask about the text"
          enterkeyhint="send"
          autocomplete="off"
          value={draft}
          onInput={(event) => {
            draft.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
          }}
        />
        {isAnswering.value ? (
          <button class="round-button" type="button" aria-label="Stop" title="Stop" onClick={stop}>
            <StopIcon />
          </button>
        ) : (
          <button
            class="round-button"
            type="submit"
            disabled={draft.value.trim() === ""}
            aria-label="Ask"
            title="Ask (Enter)"
          >
            <SendIcon />
          </button>
        )}
      </div>
    </form>
  );
}

export function DocumentQuestions({ page, model }: { page: Page; model: ReadyModel }) {
  const { questions, progress } = page.document;
  const { trainedContextLength } = model;
  const isBeyond = trainedContextLength !== null && progress.value.readTokens > trainedContextLength;
  return (
    <section class="document-questions" aria-label="Questions">
      <h3>Ask about it</h3>
      {isBeyond && (
        <p class="document-muted">
          The model was trained on {formatCount(trainedContextLength)} tokens: about a longer text its answers are often
          wrong, and made up.
        </p>
      )}
      {questions.questions.value.map((question) => (
        <div key={question.turn}>
          <TurnView turn={question} page={page} />
          <Verdict question={question} />
        </div>
      ))}
      <Suggestions page={page} />
      <QuestionField page={page} />
    </section>
  );
}

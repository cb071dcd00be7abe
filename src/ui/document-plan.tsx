// What reading a document will take, told before it starts: time, memory, and what the model can be expected to find.

import type { ReadyModel } from "../worker/messages-model.ts";
import { formatBytes, formatCount, formatDuration } from "./quantities.ts";
import { describeRecall } from "./recall-text.ts";
import { FIRST_KEYS } from "./state/document.ts";
import type { Page } from "./state/page.ts";

const WINDOWS = [2048, 8192, 32_768];

function Numbers({ page }: { page: Page }) {
  const outline = page.document.outline.value!;
  const phase = page.document.phase.value;
  const keyWindow = page.document.keyWindow.value;
  const { numTokens, stateBytes, keyBytesPerToken, softmaxBytesPerToken } = outline;
  const numKeys = keyWindow ? Math.min(numTokens, keyWindow.first + keyWindow.last) : numTokens;
  const estimatedMs = phase.state === "ready" ? phase.estimatedMs : null;
  const entries = [
    {
      value: estimatedMs === null ? "unknown" : formatDuration(estimatedMs),
      label: "to read it, estimated from the speed measured here",
    },
    { value: formatBytes(stateBytes), label: "recurrent state of the lightning layers, at any length" },
    {
      value: formatBytes(numKeys * keyBytesPerToken),
      label: keyWindow
        ? "keys and values of the softmax layers at most"
        : "keys and values of the softmax layers at the end",
    },
    {
      value: formatBytes(numTokens * softmaxBytesPerToken),
      label: "would be needed with softmax in every layer (computed)",
    },
  ];
  return (
    <ul class="plate document-plate" aria-label="What reading takes">
      {entries.map(({ value, label }) => (
        <li key={label}>
          <strong>{value}</strong> {label}
        </li>
      ))}
    </ul>
  );
}

function Limits({ page, model }: { page: Page; model: ReadyModel }) {
  const { numTokens, fittingTokens } = page.document.outline.value!;
  const { isWindowed } = page.document;
  const { trainedContextLength } = model;
  const isTooLong = fittingTokens !== null && numTokens > fittingTokens && !isWindowed.value;
  return (
    <>
      {trainedContextLength !== null && numTokens > trainedContextLength && (
        <p class="notice">
          <span>
            This text is {formatTimes(numTokens / trainedContextLength)} as long as the longest that the model was
            trained on ({formatCount(trainedContextLength)} tokens). It will read all of it, but expect few right
            answers. {describeRecall(model.recall)}
          </span>
        </p>
      )}
      {isTooLong && (
        <p class="notice">
          <span>
            About {formatCount(fittingTokens)} tokens fit into the GPU’s memory: an estimate, since browsers do not tell
            how much there is. Constant memory mode has no such limit.
          </span>
          <button
            class="button"
            type="button"
            onClick={() => {
              isWindowed.value = true;
            }}
          >
            Use constant memory
          </button>
        </p>
      )}
    </>
  );
}

function formatTimes(ratio: number): string {
  return ratio < 1.95 ? `${ratio.toFixed(1)} times` : `${formatCount(Math.round(ratio))} times`;
}

/** How many of the last tokens' keys constant memory mode keeps. */
export function WindowChoice({ page, isDisabled = false }: { page: Page; isDisabled?: boolean }) {
  const { windowTokens } = page.document;
  return (
    <select
      aria-label="Tokens whose keys are kept"
      disabled={isDisabled}
      value={String(windowTokens.value)}
      onChange={(event) => {
        windowTokens.value = Number(event.currentTarget.value);
      }}
    >
      {WINDOWS.map((length) => (
        <option key={length} value={String(length)}>
          {formatCount(length)}
        </option>
      ))}
    </select>
  );
}

function ConstantMemory({ page }: { page: Page }) {
  const { isWindowed } = page.document;
  return (
    <fieldset class="document-window">
      <label class="check">
        <input
          type="checkbox"
          checked={isWindowed}
          onChange={(event) => {
            isWindowed.value = event.currentTarget.checked;
          }}
        />
        Constant memory
      </label>
      <p class="document-muted">
        The softmax layers keep the keys of the first {FIRST_KEYS} tokens and of the last{" "}
        <WindowChoice page={page} isDisabled={!isWindowed.value} /> only. Memory then stays constant in the strict
        sense; what lies between is remembered by the lightning layers alone, so that exact words, names and numbers
        from there are mostly lost.
      </p>
    </fieldset>
  );
}

export function DocumentPlan({ page, model }: { page: Page; model: ReadyModel }) {
  const { read, pausesWhenHidden } = page.document;
  return (
    <section class="document-plan" aria-label="Before it is read">
      <Numbers page={page} />
      <Limits page={page} model={model} />
      <ConstantMemory page={page} />
      <label class="check">
        <input
          type="checkbox"
          checked={pausesWhenHidden}
          onChange={(event) => {
            pausesWhenHidden.value = event.currentTarget.checked;
          }}
        />
        Pause while this page is hidden
      </label>
      <div class="document-actions">
        <button class="button button-primary" type="button" onClick={read}>
          Start reading
        </button>
      </div>
    </section>
  );
}

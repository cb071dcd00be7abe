// How far a document is read, with the text that passes by.

import { formatBytes, formatCount, formatDuration, formatSpeed } from "./quantities.ts";
import { WindowChoice } from "./document-plan.tsx";
import { FIRST_KEYS } from "./state/document.ts";
import type { Page } from "./state/page.ts";

/** Whole sentences for what the buttons and the bar do not say. */
function describeProgress(page: Page): string {
  const { phase, progress, outline } = page.document;
  const { readTokens, tokensPerSecond, leftMs } = progress.value;
  const numTokens = outline.value?.numTokens ?? 0;
  const read = `${formatCount(readTokens)} of ${formatCount(numTokens)} tokens`;
  switch (phase.value.state) {
    case "reading": {
      if (tokensPerSecond === 0) return `Reading: ${read}`;
      const left = leftMs === null ? "" : ` · ${formatDuration(leftMs)} left`;
      return `${read} · ${formatSpeed(tokensPerSecond)}${left}`;
    }
    case "pausing":
      return `${read} · pausing`;
    case "paused":
      if (phase.value.isFull) return `Memory is full at ${read}.`;
      return `Paused at ${read}. You can ask about what was read, or read on.`;
    case "read":
      return `Read: ${formatCount(readTokens)} tokens. The state holds all of it; each question starts from here.`;
    default:
      return "";
  }
}

function Buttons({ page }: { page: Page }) {
  const { phase, progress, read, pause, end } = page.document;
  switch (phase.value.state) {
    case "reading":
      return (
        <button class="button" type="button" onClick={pause}>
          Pause
        </button>
      );
    case "pausing":
      return (
        <button class="button" type="button" disabled>
          Pause
        </button>
      );
    case "paused":
      return (
        <>
          <button class={phase.value.isFull ? "button" : "button button-primary"} type="button" onClick={read}>
            Read on
          </button>
          {progress.value.readTokens > 0 && (
            <button class="button" type="button" onClick={end}>
              Stop here
            </button>
          )}
        </>
      );
    default:
      return null;
  }
}

/** What can be done when there is no room for more keys and values. */
function Full({ page }: { page: Page }) {
  const { phase, progress, outline, keyWindow, readInConstantMemory } = page.document;
  if (phase.value.state !== "paused" || !phase.value.isFull) return null;
  const { readTokens } = progress.value;
  const keyBytes = readTokens * (outline.value?.keyBytesPerToken ?? 0);
  return (
    <div class="notice" role="alert">
      <span>
        {keyWindow.value
          ? "There is no room for so many keys and values. "
          : `Keys and values take ${formatBytes(keyBytes)}, and the next piece of memory for them does not fit. `}
        {readTokens > 0 && "What was read is there, and you can ask about it. "}
        You can allow more memory in the panel of the model and read on, or read from the beginning in constant memory,
        which keeps the keys of the first {FIRST_KEYS} and the last <WindowChoice page={page} /> tokens only.
      </span>
      <button class="button button-primary" type="button" onClick={readInConstantMemory}>
        Read in constant memory
      </button>
    </div>
  );
}

export function DocumentReading({ page }: { page: Page }) {
  const { phase, progress, outline } = page.document;
  const { readTokens, excerpt } = progress.value;
  const isReading = phase.value.state === "reading";
  return (
    <section class="document-reading" aria-label="Reading">
      {phase.value.state !== "read" && (
        <progress class="bar" aria-label="Tokens read" value={readTokens} max={outline.value?.numTokens ?? 1} />
      )}
      <div class="document-progress">
        <p class="measure">{describeProgress(page)}</p>
        <div class="document-actions">
          <Buttons page={page} />
        </div>
      </div>
      <Full page={page} />
      {isReading && (
        <p class="excerpt" aria-hidden="true">
          <span>{excerpt}</span>
        </p>
      )}
    </section>
  );
}

// How far a document is read, with the text that passes by.

import { formatCount, formatDuration, formatSpeed } from "./quantities.ts";
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
      return `Paused at ${read}. You can ask about what was read, or read on.`;
    case "read":
      return `Read: ${formatCount(readTokens)} tokens. The state holds all of it; each question starts from here.`;
    default:
      return "";
  }
}

function Buttons({ page }: { page: Page }) {
  const { phase, read, pause, end } = page.document;
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
          <button class="button button-primary" type="button" onClick={read}>
            Read on
          </button>
          <button class="button" type="button" onClick={end}>
            Stop here
          </button>
        </>
      );
    default:
      return null;
  }
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
      {isReading && (
        <p class="excerpt" aria-hidden="true">
          <span>{excerpt}</span>
        </p>
      )}
    </section>
  );
}

// One message and its answer, with what was measured beside it.

import { useComputed } from "@preact/signals";
import { formatCount, formatElapsed, formatSpeed } from "./quantities.ts";
import type { Turn } from "./state/conversation.ts";
import { endingText } from "./state/ending.ts";
import type { Page } from "./state/page.ts";
import { speedOf } from "./state/speed.ts";

/** A wait shorter than this shows no clock. */
const SHOW_ELAPSED_MS = 1000;

function Reading({ turn, page }: { turn: Turn; page: Page }) {
  const status = turn.status.value;
  if (status.state !== "reading") return null;
  const { readTokens, totalTokens, sentMs } = status;
  const elapsedMs = page.clock.value - sentMs;
  const elapsed = elapsedMs < SHOW_ELAPSED_MS ? "" : ` · ${formatElapsed(elapsedMs)}`;
  const isCounted = totalTokens > 0;
  return (
    <div class="reading">
      <progress
        class="bar"
        aria-label="Reading the message"
        {...(isCounted ? { value: readTokens, max: totalTokens } : {})}
      />
      <p class="measure">
        {isCounted ? `Reading, ${formatCount(readTokens)} of ${formatCount(totalTokens)} tokens` : "Reading"}
        {elapsed}
      </p>
    </div>
  );
}

/** Measurements of one answer; while it streams, those known so far. */
function Measurements({ turn }: { turn: Turn }) {
  const status = turn.status.value;
  if (status.state !== "answering" && status.state !== "ended") return null;
  const timings = status.state === "ended" ? status.timings : null;
  const numTokens = timings ? timings.generatedTokens : status.state === "answering" ? status.generatedTokens : 0;
  if (numTokens === 0) return null;
  const speed = speedOf(turn);
  return (
    <ul class="measurements" aria-label="Measured">
      {speed !== null && <li>{formatSpeed(speed)}</li>}
      <li>
        {formatCount(numTokens)} {numTokens === 1 ? "token" : "tokens"}
      </li>
      {timings && <li>first token after {formatElapsed(timings.timeToFirstTokenMs)}</li>}
      {timings && turn.sampling.temperature > 0 && <li>seed {turn.sampling.seed}</li>}
    </ul>
  );
}

function Ending({ turn }: { turn: Turn }) {
  const text = endingText(turn.status.value);
  return text ? <p class="ending">{text}</p> : null;
}

export function TurnView({ turn, page }: { turn: Turn; page: Page }) {
  const stage = useComputed(() => turn.status.value.state);
  return (
    <article class="turn" data-state={stage}>
      <h2 class="visually-hidden">You</h2>
      <p class="message">{turn.userText}</p>
      <h2 class="visually-hidden">Relampago</h2>
      <div class="answer">
        <p class="answer-text">{turn.answer}</p>
        <Reading turn={turn} page={page} />
        <Ending turn={turn} />
        <Measurements turn={turn} />
      </div>
    </article>
  );
}

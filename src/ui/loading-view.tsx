// Loading, step by step: what is being done, how many bytes of how many, how fast and how long.

import type { LoadPhase } from "../worker/messages-model.ts";
import { DoneIcon } from "./icons.tsx";
import { KeepingNote } from "./keeping-note.tsx";
import { formatBytes, formatElapsed, formatMegabytes, formatWait } from "./quantities.ts";
import { ORIGIN_TEXTS, PAUSE_TEXTS } from "./state/download-texts.ts";
import type { LifeCycle, LoadProgress } from "./state/life-cycle.ts";
import type { Page } from "./state/page.ts";

const STEPS: readonly { readonly phase: LoadPhase; readonly label: string }[] = [
  { phase: "adapter", label: "Find the GPU" },
  { phase: "manifest", label: "Read the model’s description" },
  { phase: "weights", label: "Download the weights" },
  { phase: "kernels", label: "Prepare the GPU" },
];

/** Short steps tell no time. */
const SHOW_ELAPSED_MS = 1000;

function measureWeights(progress: LoadProgress): string {
  const { loadedBytes, totalBytes, origin, bytesPerSecond, secondsLeft } = progress;
  const bytes = `${formatMegabytes(loadedBytes)} of ${formatBytes(totalBytes)}`;
  if (origin !== "network") return `${bytes} · ${ORIGIN_TEXTS[origin]}`;
  if (bytesPerSecond === null || secondsLeft === null || loadedBytes >= totalBytes) return bytes;
  return `${bytes} · ${formatBytes(bytesPerSecond)}/s · about ${formatWait(secondsLeft)}\u00a0left`;
}

function measure(progress: LoadProgress): string {
  if (progress.phase === "weights") return measureWeights(progress);
  return progress.elapsedMs < SHOW_ELAPSED_MS ? "" : formatElapsed(progress.elapsedMs);
}

function labelOf(step: (typeof STEPS)[number], cycle: LifeCycle): string {
  const isKept = cycle.state === "loading" && cycle.keptBytes >= cycle.totalBytes;
  return step.phase === "weights" && isKept ? "Read the weights" : step.label;
}

function Steps({ progress, cycle }: { progress: LoadProgress; cycle: LifeCycle }) {
  const totalBytes = cycle.state === "loading" ? cycle.totalBytes : null;
  const current = STEPS.findIndex(({ phase }) => phase === progress.phase);
  return (
    <ol class="steps">
      {STEPS.map((step, index) => {
        const { phase } = step;
        const state = index < current ? "done" : index === current ? "current" : "pending";
        const isLong = state === "current" && phase === "weights";
        const isSizeTold = phase === "weights" && state !== "current" && totalBytes !== null;
        return (
          <li key={phase} class={`step step-${state}`} aria-current={state === "current" ? "step" : undefined}>
            <span class="step-mark">{state === "done" && <DoneIcon />}</span>
            <span class="step-label">
              {labelOf(step, cycle)}
              {state === "done" && <span class="visually-hidden"> (done)</span>}
            </span>
            <span class={isLong ? "step-measure step-measure-long" : "step-measure"}>
              {state === "current" ? measure(progress) : isSizeTold ? formatBytes(totalBytes) : ""}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

function Bar({ progress }: { progress: LoadProgress }) {
  const { fraction } = progress;
  const known = fraction === null ? {} : { value: fraction, max: 1 };
  return <progress class="bar" aria-label="Loading the model" {...known} />;
}

/** Why nothing comes, when it is tried again, and a way not to wait. */
function PauseNotice({ page }: { page: Page }) {
  const pause = page.lifeCycle.pause.value;
  const seconds = page.lifeCycle.secondsToTry.value;
  if (!pause || seconds === null) return null;
  return (
    <div class="notice" title={pause.message}>
      <span>
        {PAUSE_TEXTS[pause.problem]} <span class="countdown">Next try in {formatWait(seconds)}.</span>
      </span>
      <button class="button" type="button" onClick={page.tryNow}>
        Try now
      </button>
    </div>
  );
}

function Question({ cycle, page }: { cycle: Extract<LifeCycle, { state: "asking" }>; page: Page }) {
  const missing = formatBytes(cycle.totalBytes - cycle.keptBytes);
  const what = cycle.keptBytes > 0 ? "What this browser lacks of the model" : "The model";
  return (
    <div class="question">
      <p>
        {page.environment.isMetered
          ? `${what} is a download of ${missing}, and your connection is metered or set to save data.`
          : `${what} is a download of ${missing}.`}
      </p>
      <button class="button button-primary" type="button" onClick={page.agree}>
        Download {missing}
      </button>
    </div>
  );
}

export function LoadingView({ page }: { page: Page }) {
  const cycle = page.lifeCycle.current.value;
  const progress = page.lifeCycle.progress.value;
  if (cycle.state === "asking") return <Question cycle={cycle} page={page} />;
  if (!progress) return null;
  return (
    <div class="loading">
      <Bar progress={progress} />
      <Steps progress={progress} cycle={cycle} />
      <PauseNotice page={page} />
      <KeepingNote page={page} />
    </div>
  );
}

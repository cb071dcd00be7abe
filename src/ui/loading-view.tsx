// Loading, step by step: what is being done, how many bytes of how many, how fast and how long.

import type { LoadPhase } from "../worker/messages.ts";
import { DoneIcon } from "./icons.tsx";
import { formatBytes, formatElapsed, formatMegabytes, formatWait } from "./quantities.ts";
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

function measureWeights({ loadedBytes, totalBytes, bytesPerSecond, secondsLeft }: LoadProgress): string {
  const bytes = `${formatMegabytes(loadedBytes)} of ${formatBytes(totalBytes)}`;
  if (bytesPerSecond === null || secondsLeft === null || loadedBytes >= totalBytes) return bytes;
  return `${bytes} · ${formatBytes(bytesPerSecond)}/s · about ${formatWait(secondsLeft)}\u00a0left`;
}

function measure(progress: LoadProgress): string {
  if (progress.phase === "weights") return measureWeights(progress);
  return progress.elapsedMs < SHOW_ELAPSED_MS ? "" : formatElapsed(progress.elapsedMs);
}

function Steps({ progress, totalBytes }: { progress: LoadProgress; totalBytes: number | null }) {
  const current = STEPS.findIndex(({ phase }) => phase === progress.phase);
  return (
    <ol class="steps">
      {STEPS.map(({ phase, label }, index) => {
        const state = index < current ? "done" : index === current ? "current" : "pending";
        const isLong = state === "current" && phase === "weights";
        const isSizeTold = phase === "weights" && state !== "current" && totalBytes !== null;
        return (
          <li key={phase} class={`step step-${state}`} aria-current={state === "current" ? "step" : undefined}>
            <span class="step-mark">{state === "done" && <DoneIcon />}</span>
            <span class="step-label">
              {label}
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

function Question({ cycle, page }: { cycle: Extract<LifeCycle, { state: "asking" }>; page: Page }) {
  return (
    <div class="question">
      <p>
        {page.environment.isMetered
          ? `The model is a download of ${formatBytes(cycle.totalBytes)}, and your connection is metered or set to save data.`
          : `The model is a download of ${formatBytes(cycle.totalBytes)}.`}
      </p>
      <button class="button button-primary" type="button" onClick={page.agree}>
        Download {formatBytes(cycle.totalBytes)}
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
      <Steps progress={progress} totalBytes={cycle.state === "loading" ? cycle.totalBytes : null} />
    </div>
  );
}

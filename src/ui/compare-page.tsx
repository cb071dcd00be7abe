// Attention compared: models that differ in nothing else, side by side on the same text, on this GPU.

import { useEffect, useState } from "preact/hooks";
import { CompareAnswers } from "./compare-answers.tsx";
import { CompareAttention } from "./compare-attention.tsx";
import { CompareModels } from "./compare-models.tsx";
import { CompareRace } from "./compare-race.tsx";
import { CompareRecall } from "./compare-recall.tsx";
import { FailureView, LoadFailure } from "./failure-view.tsx";
import { OutageView } from "./outage-view.tsx";
import { formatBytes } from "./quantities.ts";
import { formatLink } from "./state/compare-link.ts";
import type { Page } from "./state/page.ts";

function Opening({ page }: { page: Page }) {
  const { phase, agree, open, stop } = page.compare;
  const current = phase.value;
  switch (current.state) {
    case "closed":
      return (
        <button class="button button-primary compare-start" type="button" onClick={open}>
          Open the models
        </button>
      );
    case "weighing":
      return (
        <div class="compare-progress">
          <progress class="bar" aria-label="Opening the models" />
          <p class="measure">Asking how large the models are…</p>
        </div>
      );
    case "asking": {
      const total = current.sizes.reduce((sum, { totalBytes, keptBytes }) => sum + totalBytes - keptBytes, 0);
      return (
        <div class="compare-progress">
          <p>
            {current.sizes.map(({ name, totalBytes }) => `${name}: ${formatBytes(totalBytes)}`).join(", ")}.{" "}
            {formatBytes(total)} are to be downloaded.
          </p>
          <div class="compare-controls">
            <button class="button button-primary" type="button" onClick={agree}>
              Download {formatBytes(total)}
            </button>
            <button class="button" type="button" onClick={stop}>
              Not now
            </button>
          </div>
        </div>
      );
    }
    case "loading": {
      const { loadedBytes, totalBytes } = current;
      return (
        <div class="compare-progress">
          <progress class="bar" aria-label="Opening the models" value={loadedBytes} max={totalBytes} />
          <p class="measure">
            {loadedBytes < totalBytes
              ? `${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)} of weights`
              : `${formatBytes(totalBytes)} of weights are here. Preparing the GPU…`}
          </p>
        </div>
      );
    }
    case "failed":
      return <FailureView page={page} failure={current.failure} onRetry={open} />;
    case "open":
      return null;
  }
}

function CopyLink({ page }: { page: Page }) {
  const [outcome, setOutcome] = useState<"none" | "copied" | "refused">("none");
  const hash = formatLink(page.compare.settings.value);
  const copy = async (): Promise<void> => {
    history.replaceState(null, "", hash);
    try {
      await navigator.clipboard.writeText(location.href);
      setOutcome("copied");
    } catch {
      setOutcome("refused");
    }
  };
  return (
    <p class="compare-link">
      <button class="button" type="button" onClick={() => void copy()}>
        Copy a link to these settings
      </button>
      <span role="status">
        {outcome === "copied" && "Copied."}
        {outcome === "refused" && "The browser does not let the page copy; the address bar holds the link."}
      </span>
    </p>
  );
}

export function ComparePage({ page }: { page: Page }) {
  const { phase, open } = page.compare;
  const cycle = page.lifeCycle.current.value;
  const hasFailed = cycle.state === "failed";
  useEffect(() => {
    if (phase.peek().state === "closed" && !hasFailed) open();
  }, [page, hasFailed]);
  if (hasFailed) {
    return (
      <main class="page">
        <LoadFailure page={page} failure={cycle.failure} />
      </main>
    );
  }
  const isOpen = phase.value.state === "open";
  return (
    <main class="page compare">
      <div class="compare-head">
        <h2>Attention compared</h2>
        <p>
          Models of the same shape, trained on the same text, that differ in one thing: how they look back. Give them
          the same text and see what each costs and what each can do, measured here and now. Read more in the paper{" "}
          <a href="https://arxiv.org/abs/2501.08313">MiniMax-01: Scaling Foundation Models with Lightning Attention</a>.
        </p>
      </div>
      <OutageView page={page} />
      <Opening page={page} />
      <CompareModels page={page} />
      {isOpen && (
        <>
          <CompareAnswers page={page} />
          <CompareRace page={page} />
          <CompareRecall page={page} />
          <CompareAttention page={page} />
          <CopyLink page={page} />
        </>
      )}
    </main>
  );
}

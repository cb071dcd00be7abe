// What has the GPU and what waits for it, in the header, while that is not plain from the page itself; each can be cancelled.

import type { QueuedJob } from "../worker/messages-engine.ts";
import { CloseIcon } from "./icons.tsx";
import type { Page } from "./state/page.ts";

const QUEUE_PANEL_ID = "queue-panel";

const STATES: Readonly<Record<QueuedJob["state"], string>> = {
  running: "running",
  ending: "stopping…",
  waiting: "waiting",
};

function JobRow({ page, queued }: { page: Page; queued: QueuedJob }) {
  const { job, title, state } = queued;
  return (
    <li class="job">
      <span class="job-title">{title}</span>
      <span class="job-state">{STATES[state]}</span>
      <button
        class="button"
        type="button"
        disabled={state === "ending"}
        aria-label={`Cancel: ${title}`}
        onClick={() => page.queue.cancel(job)}
      >
        Cancel
      </button>
    </li>
  );
}

export function QueueView({ page }: { page: Page }) {
  const jobs = page.queue.told.value;
  const [running, ...waiting] = jobs;
  if (!running) return null;
  return (
    <>
      <button class="status queue" type="button" popovertarget={QUEUE_PANEL_ID} title="What the GPU does">
        <span class="queue-mark" aria-hidden="true" />
        <span class="queue-title">{running.title}</span>
        {waiting.length > 0 && <span class="status-item">{waiting.length} waiting</span>}
      </button>
      <section id={QUEUE_PANEL_ID} class="panel panel-top" popover="auto" aria-labelledby="queue-panel-title">
        <div class="panel-head">
          <h2 id="queue-panel-title">What the GPU does</h2>
          <button
            class="icon-button"
            type="button"
            popovertarget={QUEUE_PANEL_ID}
            popovertargetaction="hide"
            aria-label="Close"
          >
            <CloseIcon />
          </button>
        </div>
        <ol class="jobs">
          {jobs.map((queued) => (
            <JobRow key={queued.job} page={page} queued={queued} />
          ))}
        </ol>
      </section>
    </>
  );
}

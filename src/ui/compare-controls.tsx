// The controls that every measurement has: a button that begins it or ends it, why it failed, and a number to set.

import type { CompareTask } from "../worker/messages-compare.ts";
import { FAILURE_TEXTS } from "./failure-texts.ts";
import { clampSetting, LIMITS, type NumberSetting } from "./state/compare-link.ts";
import type { Page } from "./state/page.ts";

interface TaskProps {
  readonly page: Page;
  readonly task: CompareTask;
  readonly label: string;
  readonly start: () => void;
}

/** Begins a task; while it runs, ends it. */
export function TaskButton({ page, task, label, start }: TaskProps) {
  const activity = page.compare.activity.value;
  if (activity?.task === task) {
    return (
      <button class="button button-primary" type="button" disabled={activity.isStopping} onClick={page.compare.stop}>
        {activity.isStopping ? "Stopping…" : "Stop"}
      </button>
    );
  }
  return (
    <button class="button button-primary" type="button" disabled={activity !== null} onClick={start}>
      {label}
    </button>
  );
}

/** Why the task failed last. */
export function TaskFailure({ page, task }: { page: Page; task: CompareTask }) {
  const failed = page.compare.failure.value;
  if (failed?.task !== task) return null;
  const { title } = FAILURE_TEXTS[failed.failure.kind];
  return (
    <p class="notice" role="alert">
      <span>
        {title} {failed.failure.message}
      </span>
    </p>
  );
}

export function NumberField({ page, name, label }: { page: Page; name: NumberSetting; label: string }) {
  const value = page.compare.settings.value[name];
  return (
    <label class="compare-field">
      <span>{label}</span>
      <input
        class="number"
        type="number"
        {...LIMITS[name]}
        step={name === "temperature" ? 0.1 : 1}
        value={value}
        onChange={(event) => {
          const wanted = clampSetting(name, event.currentTarget.valueAsNumber);
          if (wanted !== undefined) page.compare.change({ [name]: wanted });
          event.currentTarget.value = String(wanted ?? value);
        }}
      />
    </label>
  );
}

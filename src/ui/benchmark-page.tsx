// The benchmark: a button, what is being timed, a bar for each row as it is found, and a result one can copy.

import type { Measurement } from "../bench/result.ts";
import type { ReadyModel } from "../worker/messages-model.ts";
import { CopyText } from "./copy-text.tsx";
import { LoadFailure } from "./failure-view.tsx";
import { nameGpu } from "./gpu-name.ts";
import { OutageView } from "./outage-view.tsx";
import { formatCount } from "./quantities.ts";
import type { Page } from "./state/page.ts";
import { Welcome } from "./welcome.tsx";

const TITLES: Record<Measurement["kind"], string> = {
  "time to first token": "First token of a short question",
  prefill: "Reading",
  decode: "Writing",
};

function formatMs(ms: number): string {
  return `${ms < 100 ? ms.toFixed(1) : formatCount(Math.round(ms))}\u00a0ms`;
}

function labelOf({ kind, length }: Measurement): string {
  const tokens = `${formatCount(length)}\u00a0tokens`;
  return kind === "decode" ? `after ${tokens}` : tokens;
}

/** Bars of one kind are drawn to one scale: reading is much faster than writing. */
function Rows({ kind, rows }: { kind: Measurement["kind"]; rows: readonly Measurement[] }) {
  if (rows.length === 0) return null;
  const fastest = Math.max(...rows.map(({ tokensPerSecond }) => tokensPerSecond));
  return (
    <table class="bench-rows">
      <caption>{TITLES[kind]}</caption>
      <thead class="visually-hidden">
        <tr>
          <th scope="col">Text</th>
          <th scope="col">Tokens a second</th>
          <th scope="col">Time, fastest to slowest</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name}>
            <th scope="row">{labelOf(row)}</th>
            <td class="bench-speed">
              {kind !== "time to first token" && (
                <span class="bench-bar" aria-hidden="true">
                  <span style={{ inlineSize: `${(100 * row.tokensPerSecond) / fastest}%` }} />
                </span>
              )}
              <span class="measure">
                {kind === "time to first token"
                  ? formatMs(row.ms.median)
                  : `${row.tokensPerSecond < 100 ? row.tokensPerSecond.toFixed(1) : formatCount(Math.round(row.tokensPerSecond))}\u00a0tokens/s`}
              </span>
            </td>
            <td class="measure bench-range">
              {row.runs === 1 ? "one run" : `${formatMs(row.ms.fastest)} to ${formatMs(row.ms.slowest)}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Progress({ page }: { page: Page }) {
  const { activity, current } = page.benchmark;
  if (activity.value === "idle") return null;
  const run = current.value;
  const text =
    activity.value === "stopping"
      ? "Stopping…"
      : run === null
        ? "Measuring what a launch costs"
        : run.run === 0
          ? `Warming up: ${run.name}`
          : `${run.name}: run ${run.run} of ${run.runs}`;
  return (
    <div class="bench-progress">
      <progress class="bar" aria-label="Benchmark" />
      <p class="measure">{text}</p>
    </div>
  );
}

function Facts({ page, model }: { page: Page; model: ReadyModel }) {
  const launch = page.benchmark.launch.value;
  const setup = page.benchmark.setup.value;
  return (
    <dl class="facts">
      <dt>Model</dt>
      <dd>{setup ? `${model.name}, ${setup.model.format}` : model.name}</dd>
      <dt>GPU</dt>
      <dd>{nameGpu(model.gpu)}</dd>
      <dt>Kernel variants</dt>
      <dd>{model.gpu.features.join(", ") || "none: the plain path"}</dd>
      {launch && [
        <dt key="term">An empty dispatch</dt>,
        <dd key="value" class="measure">
          {launch.dispatchUs.median.toFixed(1)} µs; {formatMs(launch.roundTripMs.median)} until the page knows
        </dd>,
      ]}
    </dl>
  );
}

function Controls({ page, model }: { page: Page; model: ReadyModel }) {
  const { activity, includesLong, start, stop } = page.benchmark;
  if (activity.value !== "idle") {
    return (
      <button class="button button-primary" type="button" disabled={activity.value === "stopping"} onClick={stop}>
        Stop
      </button>
    );
  }
  const isAnswering = page.conversation.activity.value !== "idle";
  return (
    <>
      <button class="button button-primary" type="button" disabled={isAnswering} onClick={() => start(model)}>
        Start
      </button>
      {isAnswering && <span>The chat is still writing an answer.</span>}
      {!model.gpu.isSoftware && (
        <label class="bench-choice">
          <input
            type="checkbox"
            checked={includesLong}
            onChange={(event) => {
              includesLong.value = event.currentTarget.checked;
            }}
          />
          Include long texts, up to 131,072 tokens: takes minutes
        </label>
      )}
    </>
  );
}

function Measured({ page, model }: { page: Page; model: ReadyModel }) {
  const { measurements, skipped, result, isRunning } = page.benchmark;
  const rowsOf = (kind: Measurement["kind"]) => measurements.value.filter((row) => row.kind === kind);
  const ended = result.value;
  return (
    <>
      {model.gpu.isSoftware && (
        <p class="notice">
          <span>Without a GPU the processor does its work: compare ratios, not times.</span>
        </p>
      )}
      <div class="bench-controls">
        <Controls page={page} model={model} />
      </div>
      <Progress page={page} />
      <Rows kind="time to first token" rows={rowsOf("time to first token")} />
      <Rows kind="prefill" rows={rowsOf("prefill")} />
      <Rows kind="decode" rows={rowsOf("decode")} />
      {skipped.value.map(({ name, reason }) => (
        <p key={name} class="hint">
          Left out: {name}. {reason}
        </p>
      ))}
      {ended && !ended.isComplete && <p class="hint">Stopped: these are the rows until then.</p>}
      {ended && !isRunning.value && (
        <CopyText
          key={ended.date}
          label="Copy result"
          done="Copied, as JSON."
          text={() => JSON.stringify(ended, null, 1)}
        />
      )}
      <Facts page={page} model={model} />
    </>
  );
}

export function BenchmarkPage({ page }: { page: Page }) {
  const cycle = page.lifeCycle.current.value;
  const model = page.lifeCycle.model.value;
  if (cycle.state === "failed") {
    return (
      <main class="page">
        <LoadFailure page={page} failure={cycle.failure} />
      </main>
    );
  }
  if (!model) {
    return (
      <main class="page">
        <Welcome page={page} />
        <OutageView page={page} />
      </main>
    );
  }
  return (
    <main class="page bench">
      <h2>Benchmark</h2>
      <p>How fast this model reads and writes on your GPU, measured here and now. Your conversation stays as it is.</p>
      <OutageView page={page} />
      <Measured page={page} model={model} />
    </main>
  );
}

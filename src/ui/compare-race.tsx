// The race: one text through all models, with charts over the same tokens of what each takes, and what follows from them.

import type { ComponentChildren } from "preact";
import type { Crossing } from "../compare/crossing.ts";
import {
  crossingSentences,
  fitLanes,
  isAsComputed,
  MEMORY,
  memoryCrossings,
  type Quantity,
  READING,
  timeCrossings,
  WRITING,
} from "../compare/findings.ts";
import type { RaceLane } from "../compare/race-result.ts";
import { stateBytesAt } from "../compare/state-size.ts";
import type { ChartAxis, ChartLine } from "./charts/chart-table.ts";
import { LineChart } from "./charts/line-chart.tsx";
import { NumberField, TaskButton, TaskFailure } from "./compare-controls.tsx";
import { formatCount, formatStateBytes } from "./quantities.ts";
import type { CompareState } from "./state/compare.ts";
import type { Page } from "./state/page.ts";

const TOKENS: ChartAxis = {
  label: "tokens",
  scale: "linear",
  format: (value) => `${formatCount(value)} tokens`,
  formatTick: formatCount,
};
const BYTES: ChartAxis = {
  label: "state and keys",
  scale: "linear",
  format: formatStateBytes,
  formatTick: (bytes) => (bytes < 1e7 ? `${formatCount(bytes / 1e3)} kB` : formatStateBytes(bytes)),
};
const MS: ChartAxis = {
  label: "milliseconds a token",
  scale: "linear",
  format: (value) => `${value.toPrecision(3)} ms`,
  formatTick: (value) => String(Number(value.toPrecision(3))),
};
const NATS: ChartAxis = {
  ...MS,
  label: "nats a token",
  fromZero: false,
  format: (value) => `${value.toFixed(3)} nats`,
};

type PointsOf = Quantity["pointsOf"];

/** Lines over all positions at which any lane was measured. */
function linesOf(lanes: readonly RaceLane[], pointsOf: PointsOf): { xs: Float64Array; lines: ChartLine[] } {
  const measured = lanes.map((lane) => new Map(pointsOf(lane)));
  const xs = Float64Array.from([...new Set(measured.flatMap((points) => [...points.keys()]))]).sort();
  const lines = lanes.map(({ name }, look): ChartLine => {
    const values = xs.map((x) => measured[look]!.get(x) ?? NaN);
    return { label: name, look, kind: "measured", values };
  });
  return { xs, lines };
}

function Growth({ lanes, quantity }: { lanes: readonly RaceLane[]; quantity: Quantity }) {
  const fits = fitLanes(lanes, quantity);
  const told = lanes.flatMap(({ name }, index) => {
    const fit = fits[index];
    return fit ? [`${name} ${fit.exponent.toFixed(2)}`] : [];
  });
  if (told.length === 0) return null;
  return (
    <p class="compare-muted">
      Best-fit exponents, {quantity.name} ~ length<sup>k</sup>: {told.join(", ")}.
    </p>
  );
}

interface RaceChartProps {
  readonly title: string;
  readonly fileName: string;
  readonly y: ChartAxis;
  readonly lanes: readonly RaceLane[];
  readonly pointsOf: PointsOf;
  /** What it says besides the lines; none for a loss. */
  readonly quantity?: Quantity;
  readonly crossings?: readonly Crossing[];
  readonly children: ComponentChildren;
}

function RaceChart({ title, fileName, y, lanes, pointsOf, quantity, crossings = [], children }: RaceChartProps) {
  const { xs, lines } = linesOf(lanes, pointsOf);
  const places = [...new Set(crossings.map(({ fromToken }) => fromToken))];
  const end = Math.max(1, ...lanes.flatMap(({ reads }) => reads.map(({ position }) => position)));
  return (
    <div class="compare-chart">
      <LineChart
        title={title}
        fileName={fileName}
        emptyText="Nothing was measured yet."
        x={TOKENS}
        xs={xs}
        xRange={[0, end]}
        y={y}
        lines={lines}
        marks={places.map((x) => ({ x, label: formatCount(x) }))}
      >
        {children}
      </LineChart>
      {quantity && (
        <>
          <ul class="compare-findings">
            {crossingSentences(lanes, quantity, crossings).map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
          <Growth lanes={lanes} quantity={quantity} />
        </>
      )}
    </div>
  );
}

function Charts({ lanes }: { lanes: readonly RaceLane[] }) {
  return (
    <div class="compare-charts">
      <RaceChart
        title="Memory of the text"
        fileName="compare-memory"
        y={BYTES}
        lanes={lanes}
        pointsOf={MEMORY.pointsOf}
        quantity={MEMORY}
        crossings={memoryCrossings(lanes)}
      >
        <p>
          A lightning layer keeps one state S of fixed size, S<sub>t</sub> = e<sup>−slope</sup> S<sub>t−1</sub> + k
          <sub>t</sub>ᵀv<sub>t</sub>. A softmax layer keeps the key and the value of every token. Upright lines are the
          crossings by the configs, to the token.
        </p>
      </RaceChart>
      <RaceChart
        title="Reading"
        fileName="compare-reading"
        y={MS}
        lanes={lanes}
        pointsOf={readingSpeed}
        quantity={READING}
        crossings={timeCrossings(lanes, READING)}
      >
        <p>
          Time for each token of a block that is read at once. In a lightning layer it does not depend on what came
          before; in a softmax layer a token meets all keys before it, so a text of n tokens takes about n²/2 products.
        </p>
      </RaceChart>
      <RaceChart
        title="Writing"
        fileName="compare-writing"
        y={MS}
        lanes={lanes}
        pointsOf={WRITING.pointsOf}
        quantity={WRITING}
        crossings={timeCrossings(lanes, WRITING)}
      >
        <p>
          Time for a written token after so many tokens: the median of three runs of 16 steps. o<sub>t</sub> = q
          <sub>t</sub>S<sub>t</sub> costs the same everywhere; softmax(q<sub>t</sub>Kᵀ/√d)V reads every key and value
          there is.
        </p>
      </RaceChart>
      <RaceChart title="Loss" fileName="compare-loss" y={NATS} lanes={lanes} pointsOf={losses}>
        <p>
          How surprised a model is by the text, −log p of each next token, averaged over a block: less is better. Beyond
          the length that a model was trained on it may rise.
        </p>
      </RaceChart>
    </div>
  );
}

const readingSpeed: PointsOf = ({ reads }) => reads.map(({ position, msPerToken }) => [position, msPerToken]);
const losses: PointsOf = ({ reads }) =>
  reads.flatMap(({ position, loss }) => (loss === null ? [] : [[position, loss] as const]));

/** What the text will take, by the configs, before it is read. */
function Need({ compare }: { compare: CompareState }) {
  const { raceTokens } = compare.settings.value;
  const needs = compare.models.value.map(
    ({ name, stateSize }) => `${name} ${formatStateBytes(stateBytesAt(stateSize, raceTokens))}`,
  );
  return (
    <p class="compare-muted">
      State and keys of {formatCount(raceTokens)} tokens will take: {needs.join(", ")}; one model after another.
    </p>
  );
}

function Progress({ compare }: { compare: CompareState }) {
  if (compare.activity.value?.task !== "race") return null;
  const lanes = compare.lanes.value;
  const lane = lanes.at(-1);
  const { raceTokens } = compare.settings.value;
  const position = lane?.reads.at(-1)?.position ?? 0;
  const text =
    lane === undefined
      ? "Warming up…"
      : lane.writes.length > 0
        ? `${lane.name}: writing after ${formatCount(lane.writes.at(-1)!.position)} tokens`
        : `${lane.name}: ${formatCount(position)} tokens read`;
  const done = lanes.length === 0 ? 0 : lanes.length - 1 + Math.min(1, position / raceTokens);
  return (
    <div class="compare-progress">
      <progress class="bar" aria-label="Race" value={done} max={compare.models.value.length} />
      <p class="measure">{text}</p>
    </div>
  );
}

function Checked({ compare }: { compare: CompareState }) {
  const lanes = compare.lanes.value;
  const isDone = lanes.length === compare.models.value.length && lanes.every(({ isComplete }) => isComplete);
  if (!isDone) return null;
  const text = lanes.every(isAsComputed)
    ? "At every point each ledger’s used bytes are those that the config gives, to the byte."
    : "At some point a ledger’s used bytes are not those that the config gives.";
  return <p class="compare-muted">{text}</p>;
}

export function CompareRace({ page }: { page: Page }) {
  const { compare } = page;
  const { lanes, raceText, race } = compare;
  return (
    <section class="compare-section">
      <h2>Race</h2>
      <div class="compare-controls">
        <TaskButton page={page} task="race" label="Start the race" start={race} />
        <NumberField page={page} name="raceTokens" label="Tokens" />
        <NumberField page={page} name="raceSeed" label="Sample number" />
      </div>
      <details class="compare-own">
        <summary>A text of your own</summary>
        <label class="compare-wide">
          <span>
            Instead of the sample, which is a chronicle of an invented valley; cut at the number of tokens above.
          </span>
          <textarea
            class="compare-text"
            rows={4}
            value={raceText.value}
            onInput={(event) => {
              raceText.value = event.currentTarget.value;
            }}
          />
        </label>
      </details>
      <Need compare={compare} />
      <Progress compare={compare} />
      <TaskFailure page={page} task="race" />
      {lanes.value.length > 0 && <Charts lanes={lanes.value} />}
      <Checked compare={compare} />
    </section>
  );
}

// Recall: a small picture for each model, shares of right answers over the size of the list, with the error over seeds.

import { chanceOf, RECALL_PLAN, type RecallCell, type RecallRate, recallRates } from "../compare/recall-result.ts";
import { recallCsv } from "../compare/report.ts";
import { saveFile } from "./charts/chart-picture.ts";
import { LINE_LOOKS, markerPath } from "./charts/line-looks.ts";
import { TaskButton, TaskFailure } from "./compare-controls.tsx";
import type { Page } from "./state/page.ts";
import { saveSvg } from "./save-svg.ts";

const WIDTH = 300;
const HEIGHT = 190;
const MARGIN = { left: 40, right: 12, top: 10, bottom: 28 };
const SHARES = [0, 0.25, 0.5, 0.75, 1];

function xOf(size: number): number {
  const { sizes } = RECALL_PLAN;
  const [first, last] = [Math.log2(sizes[0]!), Math.log2(sizes.at(-1)!)];
  return MARGIN.left + ((Math.log2(size) - first) / (last - first)) * (WIDTH - MARGIN.left - MARGIN.right);
}

function yOf(share: number): number {
  return HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
}

function pathOf(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], index) => `${index === 0 ? "M" : "L"}${xOf(x).toFixed(1)} ${yOf(y).toFixed(1)}`).join("");
}

function Rates({ rates, look, isThin }: { rates: readonly RecallRate[]; look: number; isThin: boolean }) {
  const { color, dash, marker } = LINE_LOOKS[look % LINE_LOOKS.length]!;
  const stroke = `var(${color})`;
  return (
    <g fill="none" stroke={stroke} stroke-width={isThin ? 1 : 2}>
      <path d={pathOf(rates.map(({ size, mean }) => [size, mean]))} stroke-dasharray={dash.join(" ")} />
      {rates.map(({ size, mean, standardError }) => (
        <g key={size}>
          <path
            d={`M${xOf(size)} ${yOf(Math.max(0, mean - standardError))}V${yOf(Math.min(1, mean + standardError))}`}
          />
          {!isThin && (
            <path d={markerPath(marker, 4)} transform={`translate(${xOf(size)} ${yOf(mean)})`} fill="var(--paper)" />
          )}
        </g>
      ))}
    </g>
  );
}

function Multiple({ name, look, cells }: { name: string; look: number; cells: readonly RecallCell[] }) {
  const chosen = recallRates(cells, name, "chosen");
  const said = recallRates(cells, name, "said");
  return (
    <figure class="compare-multiple">
      <figcaption>{name}</figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`Recall of ${name}; the table below has its numbers`}
      >
        {SHARES.map((share) => (
          <g key={share}>
            <path d={`M${MARGIN.left} ${yOf(share)}H${WIDTH - MARGIN.right}`} stroke="var(--rule)" />
            <text x={MARGIN.left - 6} y={yOf(share) + 4} text-anchor="end">
              {100 * share} %
            </text>
          </g>
        ))}
        {RECALL_PLAN.sizes.map((size) => (
          <text key={size} x={xOf(size)} y={HEIGHT - 10} text-anchor="middle">
            {size}
          </text>
        ))}
        <path
          d={pathOf(RECALL_PLAN.sizes.map((size) => [size, chanceOf(size)]))}
          fill="none"
          stroke="var(--edge)"
          stroke-dasharray="1.5 4"
        />
        {said.length > 0 && <Rates rates={said} look={look} isThin={true} />}
        {chosen.length > 0 && <Rates rates={chosen} look={look} isThin={false} />}
      </svg>
    </figure>
  );
}

function percent({ mean, standardError }: RecallRate): string {
  return `${(100 * mean).toFixed(0)} ± ${(100 * standardError).toFixed(0)} %`;
}

function Table({ names, cells }: { names: readonly string[]; cells: readonly RecallCell[] }) {
  return (
    <details class="chart-table">
      <summary>As a table</summary>
      <div class="chart-scroll" tabIndex={0} role="region" aria-label="Recall, table">
        <table>
          <thead>
            <tr>
              <th scope="col">pairs</th>
              {names.flatMap((name) => [
                <th key={`${name} chosen`} scope="col">
                  {name}, likeliest
                </th>,
                <th key={`${name} said`} scope="col">
                  {name}, said
                </th>,
              ])}
              <th scope="col">chance</th>
            </tr>
          </thead>
          <tbody>
            {RECALL_PLAN.sizes.map((size) => (
              <tr key={size}>
                <th scope="row">{size}</th>
                {names.flatMap((name) =>
                  (["chosen", "said"] as const).map((measure) => {
                    const rate = recallRates(cells, name, measure).find((own) => own.size === size);
                    return <td key={`${name} ${measure}`}>{rate ? percent(rate) : ""}</td>;
                  }),
                )}
                <td>{(100 * chanceOf(size)).toFixed(0)} %</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

export function CompareRecall({ page }: { page: Page }) {
  const { models, cells, recall, activity } = page.compare;
  const { sizes, seeds, questions } = RECALL_PLAN;
  const names = models.value.map(({ name }) => name);
  const total = sizes.length * seeds.length * names.length;
  return (
    <section class="compare-section">
      <h2>Recall</h2>
      <p>
        A list of people and their passwords, then a question for one of them: {sizes.join(", ")} pairs, {seeds.length}{" "}
        lists of each size, up to {questions} questions a list. A softmax layer can look each pair up; a lightning layer
        has to fit them all into its state of d × d numbers a head. Bars are the standard error of the mean over the
        lists.
      </p>
      <div class="compare-controls">
        <TaskButton page={page} task="recall" label="Ask about lists" start={recall} />
        {activity.value?.task === "recall" && (
          <span class="measure" role="status">
            {cells.value.length} of {total} lists
          </span>
        )}
      </div>
      <TaskFailure page={page} task="recall" />
      {cells.value.length > 0 && (
        <>
          <div class="compare-columns" id="compare-recall-pictures">
            {names.map((name, look) => (
              <Multiple key={name} name={name} look={look} cells={cells.value} />
            ))}
          </div>
          <p class="compare-muted">
            Across: pairs in the list. Thick, with markers: the right password is the likeliest of those in the list.
            Thin: the answer says it. Dotted: what guessing among at most 16 of them gives.
          </p>
          <div class="chart-foot">
            <Table names={names} cells={cells.value} />
            <button
              class="foot-button"
              type="button"
              onClick={() =>
                void saveSvg(document.querySelectorAll("#compare-recall-pictures svg"), names, "compare-recall.png")
              }
            >
              Save PNG
            </button>
            <button
              class="foot-button"
              type="button"
              onClick={() => saveFile("compare-recall.csv", new Blob([recallCsv(cells.value)], { type: "text/csv" }))}
            >
              Save CSV
            </button>
          </div>
        </>
      )}
    </section>
  );
}

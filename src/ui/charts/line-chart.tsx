// A chart of lines: typed arrays in, and nothing else that it would remember. Read by pointer, by arrow keys, as a table,
// and as a file.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { drawPicture, saveFile } from "./chart-picture.ts";
import { type ChartLine, tableRows, toCsv } from "./chart-table.ts";
import { markerPath, styleOf } from "./line-looks.ts";
import { createPlot, plotNumbers, type PlotContents } from "./plot.ts";

export interface LineChartProps extends PlotContents {
  readonly title: string;
  /** What a person should see in it. */
  readonly children?: preact.ComponentChildren;
  /** Of saved files, without a suffix. */
  readonly fileName: string;
  /** Instead of the chart while there are no points. */
  readonly emptyText: string;
}

const TABLE_ROWS = 16;

function Sample({ line }: { line: ChartLine }) {
  const { color, dash, width, marker } = styleOf(line.look, line.kind);
  const stroke = `var(${color})`;
  return (
    <svg class="chart-sample" width="32" height="12" viewBox="0 0 32 12" aria-hidden="true">
      <path d="M0 6H32" stroke={stroke} stroke-width={width} stroke-dasharray={dash.join(" ")} />
      {marker && (
        <path
          d={markerPath(marker, 4)}
          transform="translate(16 6)"
          fill="var(--paper)"
          stroke={stroke}
          stroke-width="1.5"
        />
      )}
    </svg>
  );
}

/** Names the lines, and reads out the point that is pointed at, or the last. */
function Legend({ chart, point }: { chart: LineChartProps; point: number | null }) {
  const { x, xs, y, lines } = chart;
  const shown = point !== null && point < xs.length ? point : xs.length - 1;
  return (
    <div class="chart-legend">
      <p class="measure chart-at">{shown >= 0 ? `at ${x.format(xs[shown])}` : ""}</p>
      <ul>
        {lines.map((line) => (
          <li key={line.label}>
            <Sample line={line} />
            <span>{line.label}</span>
            <span class="measure chart-value">
              {shown < 0 || Number.isNaN(line.values[shown]) ? "" : y.format(line.values[shown])}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Table({ chart: { title, x, xs, y, lines } }: { chart: LineChartProps }) {
  const isOpen = useSignal(false);
  return (
    <details
      class="chart-table"
      onToggle={(event) => {
        isOpen.value = event.currentTarget.open;
      }}
    >
      <summary>As a table</summary>
      {isOpen.value && (
        <div class="chart-scroll" tabIndex={0} role="region" aria-label={`${title}, table`}>
          <table>
            <caption class="visually-hidden">
              {title}; {y.label}
            </caption>
            <thead>
              <tr>
                <th scope="col">{x.label}</th>
                {lines.map(({ label }) => (
                  <th key={label} scope="col">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {tableRows(xs, lines, x.format, y.format, TABLE_ROWS).map((row) => (
                <tr key={row.x}>
                  <th scope="row">{row.x}</th>
                  {row.values.map((value, index) => (
                    <td key={lines[index].label}>{value}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function plotHeight(width: number): number {
  return Math.round(Math.min(300, Math.max(200, width * 0.45)));
}

/** What makes another plot necessary; other numbers do not. */
function structureOf({ x, y, xRange, lines, marks }: PlotContents): string {
  const named = lines.map(({ label, look, kind }) => [label, look, kind]);
  return JSON.stringify([x.label, x.scale, y.label, y.scale, xRange, named, marks]);
}

export function LineChart(chart: LineChartProps) {
  const { title, x, xs, y, lines, fileName, emptyText, children } = chart;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(chart);
  latest.current = chart;
  const hovered = useSignal<number | null>(null);
  const structure = structureOf(chart);
  const isEmpty = xs.length === 0;

  useEffect(() => {
    if (isEmpty) return;
    const element = frame.current!;
    const draw = (): void => {
      plot.current?.destroy();
      const width = Math.floor(element.clientWidth);
      plot.current = createPlot(element, latest.current, { width, height: plotHeight(width) }, (point) => {
        hovered.value = point;
      });
    };
    draw();
    const observer = new ResizeObserver(() => {
      if (Math.floor(element.clientWidth) !== plot.current?.width) draw();
    });
    observer.observe(element);
    const theme = matchMedia("(prefers-color-scheme: dark)");
    theme.addEventListener("change", draw);
    return () => {
      observer.disconnect();
      theme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [structure, isEmpty]);

  useEffect(() => {
    plot.current?.setData(plotNumbers(chart));
  }, [structure, xs, lines]);

  const move = (event: KeyboardEvent): void => {
    const last = xs.length - 1;
    const step = Math.max(1, Math.round(xs.length / 50));
    const from = hovered.value ?? last;
    const targets: Record<string, number> = { ArrowLeft: from - step, ArrowRight: from + step, Home: 0, End: last };
    const target = targets[event.key];
    if (target === undefined || !plot.current) return;
    event.preventDefault();
    const point = Math.min(last, Math.max(0, target));
    plot.current.setCursor({ left: plot.current.valToPos(xs[point], "x"), top: 10 });
    hovered.value = point;
  };
  const savePicture = async (): Promise<void> => {
    if (plot.current)
      saveFile(`${fileName}.png`, await drawPicture(plot.current.ctx.canvas, title, y.label, x.label, lines));
  };
  const saveNumbers = (): void =>
    saveFile(`${fileName}.csv`, new Blob([toCsv(x.label, xs, lines)], { type: "text/csv" }));

  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        {children}
      </figcaption>
      <Legend chart={chart} point={hovered.value} />
      <p class="chart-axis" aria-hidden="true">
        {y.label}
      </p>
      {isEmpty ? (
        <p class="chart-empty">{emptyText}</p>
      ) : (
        <div
          class="chart-frame"
          ref={frame}
          tabIndex={0}
          role="group"
          aria-label={`${title}: arrow keys move along the lines`}
          onKeyDown={move}
        />
      )}
      <p class="chart-axis chart-axis-x" aria-hidden="true">
        {x.label}
      </p>
      <div class="chart-foot">
        <Table chart={chart} />
        <button class="foot-button" type="button" disabled={isEmpty} onClick={() => void savePicture()}>
          Save PNG
        </button>
        <button class="foot-button" type="button" disabled={isEmpty} onClick={saveNumbers}>
          Save CSV
        </button>
      </div>
    </figure>
  );
}

// The two charts of a reading: bytes on the GPU against tokens, and milliseconds per token against the position.

import { useComputed } from "@preact/signals";
import type { ReadyModel } from "../worker/messages-model.ts";
import type { ChartAxis, ChartLine } from "./charts/chart-table.ts";
import { LineChart } from "./charts/line-chart.tsx";
import { formatBytes, formatBytesTick, formatCount, formatMsPerToken, formatShortCount } from "./quantities.ts";
import type { Page } from "./state/page.ts";

const TOKENS: ChartAxis = {
  label: "tokens read",
  scale: "linear",
  format: (value) => `${formatCount(value)} tokens`,
  formatTick: formatShortCount,
};
const BYTES: ChartAxis = {
  label: "bytes on the GPU",
  scale: "linear",
  format: formatBytes,
  formatTick: formatBytesTick,
};
const TIME: ChartAxis = { label: "time per token", scale: "linear", format: formatMsPerToken };

function useLines(page: Page) {
  const { series, outline } = page.document;
  const memory = useComputed((): readonly ChartLine[] => {
    const { numTokens, stateBytes, keyUsedBytes, keyAllocatedBytes, weightBytes } = series.value;
    const softmaxBytesPerToken = outline.value?.softmaxBytesPerToken ?? 0;
    const everywhere = numTokens.map((tokens) => tokens * softmaxBytesPerToken);
    return [
      { label: "Recurrent state", values: stateBytes, look: 1, kind: "measured" },
      { label: "KV cache, used", values: keyUsedBytes, look: 0, kind: "measured" },
      { label: "KV cache, allocated", values: keyAllocatedBytes, look: 0, kind: "allocated" },
      { label: "Weights", values: weightBytes, look: 2, kind: "measured" },
      { label: "Softmax in every layer (computed)", values: everywhere, look: 4, kind: "computed" },
    ];
  });
  const time = useComputed((): readonly ChartLine[] => [
    { label: "Measured", values: series.value.msPerToken, look: 0, kind: "measured" },
  ]);
  return { memory: memory.value, time: time.value };
}

export function DocumentCharts({ page, model }: { page: Page; model: ReadyModel }) {
  const { series, outline, keyWindow, phase, isMemoryLogarithmic } = page.document;
  const lines = useLines(page);
  const { numTokens: xs, stateBytes } = series.value;
  const xRange = [0, outline.value?.numTokens ?? 1] as const;
  const { numLayers, numLightningLayers } = model;
  const isOver = phase.value.state === "read";
  const emptyText = isOver
    ? "What was measured when this was read was not kept."
    : "The first point comes with the first blocks that are read.";
  const common = { x: TOKENS, xs, xRange, emptyText };
  return (
    <div class="document-charts">
      <LineChart
        {...common}
        title="Memory"
        y={{ ...BYTES, scale: isMemoryLogarithmic.value ? "log" : "linear" }}
        lines={lines.memory}
        fileName="relampago-memory"
      >
        <p class="document-muted">
          The {numLightningLayers} lightning layers hold{" "}
          {xs.length > 0 ? formatBytes(stateBytes.at(-1)!) : "their state"}, however long the text;{" "}
          {softmaxLayers(numLayers - numLightningLayers)} keys and values{" "}
          {keyWindow.value ? "up to their window." : "for every token."}
        </p>
        <label class="check document-muted">
          <input
            type="checkbox"
            checked={isMemoryLogarithmic}
            onChange={(event) => {
              isMemoryLogarithmic.value = event.currentTarget.checked;
            }}
          />
          Logarithmic
        </label>
      </LineChart>
      <LineChart {...common} title="Time" y={TIME} lines={lines.time} fileName="relampago-time">
        <p class="document-muted">
          Measured as the text was read, without the time in which it was saved. Lightning attention takes the same time
          at every position; softmax attention takes a little longer with every token before.
        </p>
      </LineChart>
    </div>
  );
}

function softmaxLayers(count: number): string {
  return count === 1 ? "the softmax layer holds" : `the ${count} softmax layers hold`;
}

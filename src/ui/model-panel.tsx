// What runs, on what, and every byte it holds on the GPU.

import type { ReadyModel } from "../worker/messages-model.ts";
import { nameGpu } from "./gpu-name.ts";
import { CopyText } from "./copy-text.tsx";
import { CloseIcon } from "./icons.tsx";
import { OtherTabsNote } from "./other-tabs-note.tsx";
import { formatBytes, formatCount, formatMillions } from "./quantities.ts";
import { KEEPING_TEXTS } from "./state/download-texts.ts";
import { SMALLEST_BUDGET_BYTES } from "./state/memory.ts";
import type { Page } from "./state/page.ts";

export const MODEL_PANEL_ID = "model-panel";

function Facts({ page, model }: { page: Page; model: ReadyModel }) {
  const keeping = page.lifeCycle.keeping.value;
  const { numLayers, numLightningLayers, numExperts, expertsPerToken, trainedContextLength } = model;
  const numSoftmaxLayers = numLayers - numLightningLayers;
  return (
    <dl class="facts">
      <dt>Model</dt>
      <dd>
        {model.name}, {formatMillions(model.numParameters)} parameters, {formatBytes(model.downloadBytes)} to download
      </dd>
      {keeping && (
        <>
          <dt>Storage</dt>
          <dd>{KEEPING_TEXTS[keeping]}</dd>
        </>
      )}
      <dt>Layers</dt>
      <dd>
        {numLayers}: {numLightningLayers} with lightning attention, {numSoftmaxLayers} with softmax attention
      </dd>
      <dt>Experts</dt>
      <dd>
        {expertsPerToken} of {numExperts} work on each token
      </dd>
      <dt>Trained on</dt>
      <dd>
        {trainedContextLength === null
          ? "texts of unknown length"
          : `texts of up to ${formatCount(trainedContextLength)} tokens`}
      </dd>
      <dt>Conversation</dt>
      <dd>holds {formatCount(model.contextLength)} tokens here</dd>
      <dt>GPU</dt>
      <dd>
        {nameGpu(model.gpu)}
        {model.gpu.isSoftware && " (software, on the CPU)"}
      </dd>
      <dt>Features</dt>
      <dd>{model.gpu.features.join(", ") || "none beyond plain WebGPU"}</dd>
    </dl>
  );
}

function MemoryTable({ page }: { page: Page }) {
  const { lines, allocatedBytes, usedBytes } = page.memory;
  if (lines.value.length === 0) return null;
  return (
    <table class="memory">
      <caption>GPU memory</caption>
      <thead>
        <tr>
          <th scope="col">Kind</th>
          <th scope="col">Allocated</th>
          <th scope="col">Used</th>
        </tr>
      </thead>
      <tbody>
        {lines.value.map((line) => (
          <tr key={line.kind}>
            <th scope="row">{line.kind}</th>
            <td>{formatBytes(line.allocatedBytes)}</td>
            <td>{formatBytes(line.usedBytes)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Sum</th>
          <td>{formatBytes(allocatedBytes.value)}</td>
          <td>{formatBytes(usedBytes.value)}</td>
        </tr>
      </tfoot>
    </table>
  );
}

const BUDGET_FIELD_ID = "memory-budget";

function Budget({ page }: { page: Page }) {
  const { budgetBytes, setBudget } = page.memory;
  return (
    <div class="setting">
      <label for={BUDGET_FIELD_ID}>GPU memory to use, in MB</label>
      <input
        id={BUDGET_FIELD_ID}
        class="number"
        type="number"
        inputMode="numeric"
        min={SMALLEST_BUDGET_BYTES / 1e6}
        step={64}
        value={Math.round(budgetBytes.value / 1e6)}
        aria-describedby="memory-budget-explanation"
        onChange={(event) => {
          setBudget(event.currentTarget.valueAsNumber * 1e6);
          // What was typed may have been refused.
          event.currentTarget.value = String(Math.round(budgetBytes.value / 1e6));
        }}
      />
      <p class="setting-explanation" id="memory-budget-explanation">
        An estimate: no browser tells how much is free. What would exceed it is refused before anything is taken.
      </p>
    </div>
  );
}

export function ModelPanel({ page, model }: { page: Page; model: ReadyModel }) {
  return (
    <section id={MODEL_PANEL_ID} class="panel panel-top" popover="auto" aria-labelledby="model-panel-title">
      <div class="panel-head">
        <h2 id="model-panel-title">What is running</h2>
        <button
          class="icon-button"
          type="button"
          popovertarget={MODEL_PANEL_ID}
          popovertargetaction="hide"
          aria-label="Close"
        >
          <CloseIcon />
        </button>
      </div>
      <Facts page={page} model={model} />
      <MemoryTable page={page} />
      <OtherTabsNote page={page} />
      <Budget page={page} />
      <CopyText label="Copy report" done="Copied: no text of yours is in it." text={page.report} />
    </section>
  );
}

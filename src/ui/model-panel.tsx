// What runs, on what, and every byte it holds on the GPU.

import type { ReadyModel } from "../worker/messages-model.ts";
import { nameGpu } from "./gpu-name.ts";
import { CloseIcon } from "./icons.tsx";
import { formatBytes, formatCount, formatMillions } from "./quantities.ts";
import { KEEPING_TEXTS } from "./state/download-texts.ts";
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
    </section>
  );
}

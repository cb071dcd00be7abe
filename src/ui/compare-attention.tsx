// What the models attend to: a text, a token of it, and what a head of a layer takes from each token before; how long
// lightning heads remember, how large their states grow, and which experts the router chose.

import type { InspectedLayer, InspectedModel } from "../compare/inspection-result.ts";
import { inspectionCsv } from "../compare/report.ts";
import { saveFile } from "./charts/chart-picture.ts";
import { LineChart } from "./charts/line-chart.tsx";
import { TaskButton, TaskFailure } from "./compare-controls.tsx";
import { CompareRouter } from "./compare-router.tsx";
import { HeadsMap } from "./heads-map.tsx";
import { saveSvg } from "./save-svg.ts";
import { TokenStrip } from "./token-strip.tsx";
import { formatCount } from "./quantities.ts";
import type { CompareInspection, InspectedText } from "./state/compare-inspection.ts";
import type { Page } from "./state/page.ts";

const MOST_NAMED = 6;

function nameLayer(layer: InspectedLayer, index: number): string {
  return `${index + 1}, ${layer.type === "linear_attention" ? "lightning" : "softmax"}`;
}

interface ChoiceProps {
  readonly label: string;
  readonly options: readonly string[];
  readonly chosen: number;
  readonly onChoose: (index: number) => void;
}

function Choice({ label, options, chosen, onChoose }: ChoiceProps) {
  return (
    <label class="compare-field">
      <span>{label}</span>
      <select class="compare-text" value={chosen} onChange={(event) => onChoose(Number(event.currentTarget.value))}>
        {options.map((option, index) => (
          <option key={option} value={index}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

function Choices({ inspection, text }: { inspection: CompareInspection; text: InspectedText }) {
  const { model, layer, head } = inspection;
  const shown = text.models[model.value]!;
  return (
    <div class="compare-controls">
      <Choice
        label="Model"
        options={text.models.map(({ name }) => name)}
        chosen={model.value}
        onChoose={(index) => {
          model.value = index;
          layer.value = Math.min(layer.value, text.models[index]!.layers.length - 1);
          head.value = Math.min(head.value, text.models[index]!.numHeads - 1);
        }}
      />
      <Choice
        label="Layer"
        options={shown.layers.map(nameLayer)}
        chosen={layer.value}
        onChoose={(index) => {
          layer.value = index;
        }}
      />
      <Choice
        label="Head"
        options={Array.from({ length: shown.numHeads }, (_, index) => String(index + 1))}
        chosen={head.value}
        onChoose={(index) => {
          head.value = index;
        }}
      />
    </div>
  );
}

/** The chosen head's weights, (token + 1); null until they are there. */
function weightsOf({ weights, model, layer, head }: CompareInspection): Float32Array | null {
  const shown = weights.value;
  const all = shown?.models[model.value]?.layers[layer.value];
  if (!shown || !all) return null;
  return all.subarray(head.value * (shown.token + 1), (head.value + 1) * (shown.token + 1));
}

function Named({ text, weights, type }: { text: InspectedText; weights: Float32Array; type: InspectedLayer["type"] }) {
  const isSoftmax = type === "full_attention";
  const order = [...weights.keys()].sort((a, b) => Math.abs(weights[b]!) - Math.abs(weights[a]!)).slice(0, MOST_NAMED);
  const format = (weight: number) =>
    isSoftmax ? `${(100 * weight).toFixed(1)} %` : weight.toPrecision(3).replace("-", "−");
  return (
    <p class="compare-muted" role="status">
      “{text.tokens[weights.length - 1]}”, token {formatCount(weights.length)}, takes most from{" "}
      {order
        .map(
          (token) => `“${text.tokens[token]!.trim() || "␣"}” (${formatCount(token + 1)}: ${format(weights[token]!)})`,
        )
        .join(", ")}
      .
    </p>
  );
}

const MAP_ID = "compare-heads";

/** All heads of the layer, to be saved as a picture, and all layers as numbers. */
function Heads({ inspection, text }: { inspection: CompareInspection; text: InspectedText }) {
  const { weights, model, layer, head } = inspection;
  const shown = weights.value;
  const { name, numHeads, layers } = text.models[model.value]!;
  const own = shown?.models[model.value];
  if (!shown || !own) return null;
  const title = `${name}, layer ${nameLayer(layers[layer.value]!, layer.value)}: what “${text.tokens[shown.token]}” takes`;
  const fileName = `compare-attention-${name}-token-${shown.token + 1}`;
  return (
    <div>
      <HeadsMap
        id={MAP_ID}
        label={`${title}, all heads`}
        numHeads={numHeads}
        numTokens={text.tokens.length}
        weights={own.layers[layer.value]!}
        chosenHead={head.value}
      />
      <p class="compare-muted">All heads of the layer over all tokens, each relative to its own largest.</p>
      <div class="chart-foot">
        <button
          class="foot-button"
          type="button"
          onClick={() =>
            void saveSvg(document.querySelectorAll<SVGSVGElement>(`#${MAP_ID}`), [title], `${fileName}.png`)
          }
        >
          Save PNG
        </button>
        <button
          class="foot-button"
          type="button"
          onClick={() => {
            const csv = inspectionCsv(text.tokens, text.models[model.value]!, own);
            saveFile(`${fileName}.csv`, new Blob([csv], { type: "text/csv" }));
          }}
        >
          Save CSV
        </button>
      </div>
    </div>
  );
}

function HalfLives({ model }: { model: InspectedModel }) {
  const heads = Array.from({ length: model.numHeads }, (_, head) => head);
  return (
    <div class="compare-chart">
      <h3>Half-lives</h3>
      <p>
        After ln 2 / slope tokens a lightning head’s state keeps half of what it held. Slopes are fixed, not learned:
        slope = 2<sup>−8·head/heads</sup> · (1 − layer/(layers − 1)), with layers counted from 0, so that later heads
        and later layers look back further.
      </p>
      <div class="chart-table">
        <div class="chart-scroll" tabIndex={0} role="region" aria-label="Half-lives, table">
          <table>
            <thead>
              <tr>
                <th scope="col">layer</th>
                {heads.map((head) => (
                  <th key={head} scope="col">
                    head {head + 1}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {model.layers.map((layer, index) => (
                <tr key={nameLayer(layer, index)}>
                  <th scope="row">{nameLayer(layer, index)}</th>
                  {heads.map((head) => (
                    <td key={head}>{layer.halfLives ? formatHalfLife(layer.halfLives[head]!) : "keeps all"}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
    </div>
  );
}

function formatHalfLife(tokens: number): string {
  return `${tokens < 10 ? tokens.toFixed(1) : formatCount(Math.round(tokens))} tokens`;
}

function StateNorms({ model, layer, numTokens }: { model: InspectedModel; layer: number; numTokens: number }) {
  const norms = model.layers[layer]!.stateNorms;
  if (!norms)
    return <p class="compare-muted">A softmax layer has no state to measure: it keeps every key and value.</p>;
  const lines = Array.from({ length: model.numHeads }, (_, head) => ({
    label: `head ${head + 1}`,
    look: head,
    kind: "measured" as const,
    values: norms.subarray(head * numTokens, (head + 1) * numTokens),
  }));
  return (
    <div class="compare-chart">
      <LineChart
        title={`State of ${model.name}, layer ${layer + 1}`}
        fileName="compare-state-norms"
        emptyText=""
        x={{
          label: "tokens",
          scale: "linear",
          format: (value) => `token ${formatCount(value)}`,
          formatTick: formatCount,
        }}
        xs={Float64Array.from({ length: numTokens }, (_, token) => token + 1)}
        y={{
          label: "norm of the state",
          scale: "linear",
          format: (value) => value.toPrecision(3),
          formatTick: (value) => String(Number(value.toPrecision(3))),
        }}
        lines={lines}
      >
        <p>
          ‖S<sub>t</sub>‖, the root of the sum of squares of a head’s state after each token. Where what decays equals
          what is added, the line is level: the head has forgotten its beginning.
        </p>
      </LineChart>
    </div>
  );
}

function Inspected({ inspection, text }: { inspection: CompareInspection; text: InspectedText }) {
  const model = text.models[inspection.model.value]!;
  const layer = model.layers[inspection.layer.value]!;
  const weights = weightsOf(inspection);
  return (
    <>
      {text.isCut && (
        <p class="notice">
          <span>Only the first {formatCount(text.tokens.length)} tokens were read.</span>
        </p>
      )}
      <Choices inspection={inspection} text={text} />
      <p>
        {layer.type === "full_attention"
          ? "Softmax: the weights softmax(q·kᵀ/√d) of the chosen token sum to 1; the fuller a token, the more of its value is taken."
          : "Lightning: what decay leaves to each earlier token, q·k·e^(−slope·distance). Filled from below: added; from above: subtracted; relative to the largest."}{" "}
        Choose a token by pointer or arrow keys.
      </p>
      <TokenStrip tokens={text.tokens} weights={weights} onChoose={inspection.choose} />
      {weights && <Named text={text} weights={weights} type={layer.type} />}
      <Heads inspection={inspection} text={text} />
      <CompareRouter model={model} layer={inspection.layer.value} tokens={text.tokens} />
      <div class="compare-charts">
        <StateNorms model={model} layer={inspection.layer.value} numTokens={text.tokens.length} />
        <HalfLives model={model} />
      </div>
    </>
  );
}

export function CompareAttention({ page }: { page: Page }) {
  const { inspection, settings, change, inspect } = page.compare;
  const text = inspection.text.value;
  return (
    <section class="compare-section">
      <h2>What they attend to</h2>
      <form
        class="compare-form"
        onSubmit={(event) => {
          event.preventDefault();
          inspect();
        }}
      >
        <label class="compare-wide">
          <span>A text of up to 512 tokens, read again with every tensor brought back from the GPU</span>
          <textarea
            class="compare-text"
            rows={3}
            value={settings.value.inspectedText}
            onInput={(event) => change({ inspectedText: event.currentTarget.value })}
          />
        </label>
        <div class="compare-controls">
          <TaskButton page={page} task="inspect" label="Look inside" start={inspect} />
        </div>
      </form>
      <TaskFailure page={page} task="inspect" />
      {text && <Inspected inspection={inspection} text={text} />}
    </section>
  );
}

// The models that are compared: what each is and takes, and a way to put in others.

import { useState } from "preact/hooks";
import type { ComparedModel } from "../worker/messages-compare.ts";
import { formatBytes, formatCount, formatMillions } from "./quantities.ts";
import { MAX_MODELS } from "./state/compare-link.ts";
import type { Page } from "./state/page.ts";

/** e.g. `7 lightning, 1 softmax`. */
function attentionOf({ layerTypes }: ComparedModel): string {
  const numLightning = layerTypes.filter((type) => type === "linear_attention").length;
  const counts = [
    numLightning && `${numLightning} lightning`,
    layerTypes.length - numLightning && `${layerTypes.length - numLightning} softmax`,
  ];
  return counts.filter(Boolean).join(", ");
}

function ModelCard({ model }: { model: ComparedModel }) {
  const { fixedBytes, bytesPerToken } = model.stateSize;
  return (
    <li class="compare-card">
      <h3>{model.name}</h3>
      <dl class="facts">
        <dt>Layers</dt>
        <dd>{attentionOf(model)}</dd>
        <dt>Parameters</dt>
        <dd>{formatMillions(model.numParameters)}</dd>
        <dt>On the GPU</dt>
        <dd>{formatBytes(model.allocatedBytes)}</dd>
        <dt>A text takes</dt>
        <dd>
          {formatCount(fixedBytes)} bytes, and {formatCount(bytesPerToken)} for each token
        </dd>
      </dl>
    </li>
  );
}

function OwnModels({ page }: { page: Page }) {
  const { settings, activity, change, open } = page.compare;
  const [names, setNames] = useState<readonly string[]>(settings.value.models);
  const wanted = names.map((name) => name.trim()).filter(Boolean);
  return (
    <details class="compare-own">
      <summary>Compare other models</summary>
      <form
        class="compare-form"
        onSubmit={(event) => {
          event.preventDefault();
          change({ models: wanted });
          open();
        }}
      >
        <p>
          Any models that <code>npm run export</code> wrote, with the same tokenizer: the name of a folder beside this
          site’s models, or its address.
        </p>
        {Array.from({ length: MAX_MODELS }, (_, index) => (
          <label key={index} class="compare-field">
            <span>Model {index + 1}</span>
            <input
              class="compare-text"
              value={names[index] ?? ""}
              onInput={(event) => {
                const value = event.currentTarget.value;
                setNames(Array.from({ length: MAX_MODELS }, (_, at) => (at === index ? value : (names[at] ?? ""))));
              }}
            />
          </label>
        ))}
        <button class="button" type="submit" disabled={wanted.length === 0 || activity.value !== null}>
          Open these
        </button>
      </form>
    </details>
  );
}

export function CompareModels({ page }: { page: Page }) {
  const models = page.compare.models.value;
  const total = models.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0);
  return (
    <section class="compare-section" aria-label="The models">
      {models.length > 0 && (
        <>
          <ul class="compare-columns">
            {models.map((model) => (
              <ModelCard key={model.name} model={model} />
            ))}
          </ul>
          <p class="compare-muted">
            {formatBytes(total)} on the GPU in all, before any text; each model keeps a ledger of its own.
          </p>
        </>
      )}
      <OwnModels page={page} />
    </section>
  );
}

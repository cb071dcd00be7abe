// The sampling settings, each with its range and what its ends mean.

import { CloseIcon } from "./icons.tsx";
import type { Page } from "./state/page.ts";
import type { NumberSetting } from "./state/sampling.ts";

export const SAMPLING_PANEL_ID = "sampling-panel";

interface Row {
  readonly name: NumberSetting;
  readonly label: string;
  readonly explanation: string;
  readonly digits: number;
}

const SLIDERS: readonly Row[] = [
  {
    name: "temperature",
    label: "Temperature",
    explanation: "0 always takes the likeliest token; more is more varied",
    digits: 2,
  },
  {
    name: "topP",
    label: "Top-p",
    explanation: "Keeps the likeliest tokens up to this sum of probability; 1 is off",
    digits: 2,
  },
  {
    name: "minP",
    label: "Min-p",
    explanation: "Drops tokens below this share of the likeliest one’s probability; 0 is off",
    digits: 2,
  },
];

const TOP_K: Row = {
  name: "topK",
  label: "Top-k",
  explanation: "Keeps this many of the likeliest tokens; 0 is off",
  digits: 0,
};
const MAX_TOKENS: Row = { name: "maxTokens", label: "Longest answer", explanation: "In tokens", digits: 0 };
const SEED: Row = {
  name: "seed",
  label: "Seed",
  explanation: "The same seed and settings give the same answer on this GPU",
  digits: 0,
};

function Explanation({ row }: { row: Row }) {
  return (
    <p class="setting-explanation" id={`${row.name}-explanation`}>
      {row.explanation}
    </p>
  );
}

function Slider({ page, row }: { page: Page; row: Row }) {
  const value = page.sampling.settings.value[row.name];
  const { min, max, step } = page.sampling.ranges.value[row.name];
  return (
    <div class="setting">
      <label for={row.name}>{row.label}</label>
      <output class="measure" for={row.name}>
        {value.toFixed(row.digits)}
      </output>
      <input
        id={row.name}
        type="range"
        {...{ min, max, step, value }}
        aria-describedby={`${row.name}-explanation`}
        onInput={(event) => page.sampling.change(row.name, event.currentTarget.valueAsNumber)}
      />
      <Explanation row={row} />
    </div>
  );
}

function NumberField({ page, row, disabled = false }: { page: Page; row: Row; disabled?: boolean }) {
  const value = page.sampling.settings.value[row.name];
  const { min, max, step } = page.sampling.ranges.value[row.name];
  return (
    <div class="setting">
      <label for={row.name}>{row.label}</label>
      <input
        id={row.name}
        class="number"
        type="number"
        inputMode="numeric"
        {...{ min, max, step, value, disabled }}
        aria-describedby={`${row.name}-explanation`}
        onChange={(event) => {
          page.sampling.change(row.name, event.currentTarget.valueAsNumber);
          // What was typed may have been moved into the range, or refused.
          event.currentTarget.value = String(page.sampling.settings.value[row.name]);
        }}
      />
      <Explanation row={row} />
    </div>
  );
}

function Seed({ page }: { page: Page }) {
  const { isSeedRandom } = page.sampling.settings.value;
  return (
    <>
      <NumberField page={page} row={SEED} disabled={isSeedRandom} />
      <label class="check">
        <input
          type="checkbox"
          checked={isSeedRandom}
          onChange={(event) => page.sampling.setSeedRandom(event.currentTarget.checked)}
        />
        Random each time
      </label>
    </>
  );
}

export function SamplingPanel({ page }: { page: Page }) {
  return (
    <section id={SAMPLING_PANEL_ID} class="panel panel-bottom" popover="auto" aria-labelledby="sampling-panel-title">
      <div class="panel-head">
        <h2 id="sampling-panel-title">Sampling</h2>
        <button class="button" type="button" disabled={page.sampling.isDefault.value} onClick={page.sampling.reset}>
          Reset
        </button>
        <button
          class="icon-button"
          type="button"
          popovertarget={SAMPLING_PANEL_ID}
          popovertargetaction="hide"
          aria-label="Close"
        >
          <CloseIcon />
        </button>
      </div>
      {SLIDERS.map((row) => (
        <Slider key={row.name} page={page} row={row} />
      ))}
      <NumberField page={page} row={TOP_K} />
      <NumberField page={page} row={MAX_TOKENS} />
      <Seed page={page} />
    </section>
  );
}

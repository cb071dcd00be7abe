// The empty chat: what this is, how far loading is, and then a few things to say.

import { SendIcon } from "./icons.tsx";
import { KeepingNote } from "./keeping-note.tsx";
import { LoadingView } from "./loading-view.tsx";
import { OtherTabsNote } from "./other-tabs-note.tsx";
import { formatCount, formatMillions } from "./quantities.ts";
import type { ReadyModel } from "../worker/messages-model.ts";
import type { Page } from "./state/page.ts";

const SUGGESTIONS = ["Hello!", "Tell me a short story about a fox.", "What is the capital of France?", "Who are you?"];

function Plate({ model }: { model: ReadyModel }) {
  const { numParameters, numLayers, numLightningLayers, trainedContextLength, contextLength } = model;
  const entries = [
    { value: formatMillions(numParameters), label: "parameters" },
    { value: `${numLightningLayers} of ${numLayers}`, label: "layers use lightning attention" },
    trainedContextLength === null
      ? { value: formatCount(contextLength), label: "tokens fit in a conversation" }
      : { value: formatCount(trainedContextLength), label: "tokens of context in training" },
  ];
  return (
    <ul class="plate" aria-label="The model">
      {entries.map(({ value, label }) => (
        <li key={label}>
          <strong>{value}</strong> {label}
        </li>
      ))}
    </ul>
  );
}

function Ready({ page, model }: { page: Page; model: ReadyModel }) {
  const say = (text: string): void => {
    page.conversation.draft.value = text;
    page.send();
  };
  return (
    <>
      <Plate model={model} />
      {model.gpu.isSoftware && (
        <p class="notice" role="note">
          No GPU is used here: the browser computes on the processor instead, which is many times slower.
        </p>
      )}
      <ul class="suggestions" aria-label="Suggestions to begin with">
        {SUGGESTIONS.map((text) => (
          <li key={text}>
            <button class="suggestion" type="button" onClick={() => say(text)}>
              {text}
              <SendIcon />
            </button>
          </li>
        ))}
      </ul>
      <KeepingNote page={page} />
      <OtherTabsNote page={page} />
      <p class="honesty">This is a very small model, and it makes things up. Do not rely on what it says.</p>
    </>
  );
}

export function Welcome({ page }: { page: Page }) {
  const model = page.lifeCycle.model.value;
  return (
    <div class="welcome">
      <p class="lede">
        A language model with lightning attention, running on your own GPU. Nothing you type leaves this page.
      </p>
      {model ? <Ready page={page} model={model} /> : <LoadingView page={page} />}
    </div>
  );
}

// The empty chat: what this is, how far loading is, and then a few things to say.

import { LoadingView } from "./loading-view.tsx";
import { formatCount, formatMillions } from "./quantities.ts";
import type { ReadyModel } from "../worker/messages.ts";
import type { Page } from "./state/page.ts";

const SUGGESTIONS = ["Hello!", "Tell me a short story about a fox.", "What is the capital of France?", "Who are you?"];

function describe({ numParameters, numLayers, numLightningLayers, trainedContextLength }: ReadyModel): string {
  const trained = trainedContextLength === null ? "" : ` It was trained on texts of up to ${formatCount(trainedContextLength)} tokens.`;
  return `${formatMillions(numParameters)} parameters; ${numLightningLayers} of its ${numLayers} layers use lightning attention.${trained}`;
}

function Ready({ page, model }: { page: Page; model: ReadyModel }) {
  const say = (text: string): void => {
    page.conversation.draft.value = text;
    page.send();
  };
  return (
    <>
      <p class="welcome-facts">{describe(model)} It is a very small model and makes things up: do not rely on what it says.</p>
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
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

export function Welcome({ page }: { page: Page }) {
  const model = page.lifeCycle.model.value;
  return (
    <div class="welcome">
      <p class="lede">A language model with lightning attention, running on your own GPU. Nothing you type leaves this page.</p>
      {model ? <Ready page={page} model={model} /> : <LoadingView page={page} />}
    </div>
  );
}

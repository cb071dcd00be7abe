// Where the next message is typed: the text field, Send or Stop, sampling, and how full the conversation is.

import { useRef } from "preact/hooks";
import { ContextMeter, ContextNotice } from "./context-view.tsx";
import { SamplingIcon, SendIcon, StopIcon } from "./icons.tsx";
import { MESSAGE_FIELD_ID } from "./new-chat.ts";
import { SamplingPanel, SAMPLING_PANEL_ID } from "./sampling-panel.tsx";
import type { Page } from "./state/page.ts";

function SendOrStop({ page, onDone }: { page: Page; onDone: () => void }) {
  const activity = page.conversation.activity.value;
  if (activity === "idle") {
    return (
      <button class="round-button" type="submit" disabled={!page.canSend.value} aria-label="Send" title="Send (Enter)">
        <SendIcon />
      </button>
    );
  }
  const stop = (): void => {
    page.conversation.stop();
    onDone();
  };
  return (
    <button
      class="round-button"
      type="button"
      disabled={activity === "stopping"}
      aria-label="Stop"
      title="Stop (Esc)"
      onClick={stop}
    >
      <StopIcon />
    </button>
  );
}

function Hint({ page }: { page: Page }) {
  const isReady = page.lifeCycle.model.value !== null;
  const isIdle = page.conversation.activity.value === "idle";
  const text = !isReady
    ? "You can already type; it can be sent when the model is ready."
    : page.benchmark.isRunning.value
      ? "The benchmark is running; it can be sent when it ends."
      : isIdle
        ? "Enter sends, Shift+Enter breaks the line"
        : "Esc stops";
  return <span class="hint">{text}</span>;
}

export function Composer({ page }: { page: Page }) {
  const field = useRef<HTMLTextAreaElement>(null);
  /** On a touch screen, focus would bring the keyboard back over the answer. */
  const focusField = (): void => {
    if (matchMedia("(pointer: fine)").matches) field.current?.focus();
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    page.send();
    focusField();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    submit(event);
  };
  return (
    <>
      <form class="composer" onSubmit={submit}>
        <ContextNotice page={page} />
        <div class="field">
          <label class="visually-hidden" for={MESSAGE_FIELD_ID}>
            Message
          </label>
          <textarea
            id={MESSAGE_FIELD_ID}
            ref={field}
            rows={1}
            placeholder="Say something"
            enterkeyhint="send"
            autocomplete="off"
            value={page.conversation.draft}
            onInput={(event) => {
              page.conversation.draft.value = event.currentTarget.value;
            }}
            onKeyDown={onKeyDown}
          />
          <SendOrStop page={page} onDone={focusField} />
        </div>
        <div class="composer-foot">
          <button class="foot-button" type="button" popovertarget={SAMPLING_PANEL_ID}>
            <SamplingIcon />
            Sampling
          </button>
          <Hint page={page} />
          <ContextMeter page={page} />
        </div>
      </form>
      <SamplingPanel page={page} />
    </>
  );
}

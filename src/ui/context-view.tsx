// How full the conversation is, and what is said before it is full.

import { startNewChat } from "./new-chat.ts";
import { formatCount } from "./quantities.ts";
import type { ContextOutlook } from "./state/context-budget.ts";
import type { Page } from "./state/page.ts";

export function ContextMeter({ page }: { page: Page }) {
  const outlook = page.outlook.value;
  if (!outlook) return null;
  const { usedTokens, contextLength } = outlook;
  return (
    <span class="context">
      <span
        class="context-meter"
        role="meter"
        aria-label="Tokens in the conversation"
        aria-valuemin={0}
        aria-valuemax={contextLength}
        aria-valuenow={usedTokens}
      >
        <span style={{ inlineSize: `${(100 * usedTokens) / contextLength}%` }} />
      </span>
      <span class="measure">
        {formatCount(usedTokens)} of {formatCount(contextLength)} tokens
      </span>
    </span>
  );
}

function explain(
  { room, leftTokens, draftTokens, isBeyondTraining }: ContextOutlook,
  trainedContextLength: number | null,
): string {
  switch (room) {
    case "full":
      return "This conversation is full. A new chat goes on from here; what you have typed stays.";
    case "overfull":
      return draftTokens > 0
        ? `This message may not fit: it has some ${formatCount(draftTokens)} tokens, and ${formatCount(leftTokens)} are left in this conversation. A new chat has room again; what you have typed stays.`
        : `Only ${formatCount(leftTokens)} tokens are left in this conversation. A new chat has room again; what you have typed stays.`;
    case "tight":
      return `About ${formatCount(Math.max(0, leftTokens - draftTokens))} tokens are left for the answer, which may be cut short. A new chat has room again; what you have typed stays.`;
    case "roomy":
      return isBeyondTraining && trainedContextLength !== null
        ? `The model was trained on texts of up to ${formatCount(trainedContextLength)} tokens; beyond that its answers get worse.`
        : "";
  }
}

export function ContextNotice({ page }: { page: Page }) {
  const outlook = page.outlook.value;
  if (!outlook) return null;
  const text = explain(outlook, page.lifeCycle.model.value?.trainedContextLength ?? null);
  const canClear = page.conversation.turns.value.length > 0 && outlook.room !== "roomy";
  return (
    <div class="notice-slot" role="status">
      {text && (
        <p class="notice">
          <span>{text}</span>
          {canClear && (
            <button class="button" type="button" onClick={() => startNewChat(page)}>
              New chat
            </button>
          )}
        </p>
      )}
    </div>
  );
}

// New chat, wherever its button is. The button goes away with the conversation, so focus moves to the text field.

import type { Page } from "./state/page.ts";

export const MESSAGE_FIELD_ID = "message";

export function startNewChat(page: Page): void {
  page.conversation.newChat();
  document.getElementById(MESSAGE_FIELD_ID)?.focus();
}

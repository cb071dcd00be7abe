// Name, quiet status (model, GPU, memory, speed), and New chat.

import { Logo, NewChatIcon } from "./icons.tsx";
import { ModelPanel, MODEL_PANEL_ID } from "./model-panel.tsx";
import { nameGpu } from "./gpu-name.ts";
import { formatBytes, formatSpeed } from "./quantities.ts";
import { QueueView } from "./queue-view.tsx";
import { startNewChat } from "./new-chat.ts";
import type { Page } from "./state/page.ts";
import type { Route } from "./state/route.ts";

function Status({ page }: { page: Page }) {
  const model = page.lifeCycle.model.value;
  if (!model) return null;
  const speed = page.tokensPerSecond.value;
  return (
    <>
      <button class="status" type="button" popovertarget={MODEL_PANEL_ID} title="Model, GPU and memory">
        <span class="visually-hidden">Model, GPU and memory: </span>
        <span class="status-item status-wide">{model.name}</span>
        <span class="status-item status-wide">{nameGpu(model.gpu)}</span>
        {page.memory.lines.value.length > 0 && (
          <span class="status-item">{formatBytes(page.memory.allocatedBytes.value)} on GPU</span>
        )}
        {speed !== null && <span class="status-item status-speed">{formatSpeed(speed)}</span>}
      </button>
      <ModelPanel page={page} model={model} />
    </>
  );
}

const PAGES: readonly { readonly route: Route; readonly href: string; readonly label: string }[] = [
  { route: "chat", href: "#/", label: "Chat" },
  { route: "document", href: "#/document", label: "Long document" },
  { route: "compare", href: "#/compare", label: "Compare" },
  { route: "benchmark", href: "#/benchmark", label: "Benchmark" },
];

function Pages({ page }: { page: Page }) {
  return (
    <nav class="pages" aria-label="Pages">
      {PAGES.map(({ route, href, label }) => (
        <a key={route} href={href} aria-current={page.route.value === route ? "page" : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}

function NewChatButton({ page }: { page: Page }) {
  if (page.route.value !== "chat" || page.lifeCycle.model.value === null || page.conversation.turns.value.length === 0)
    return null;
  return (
    <button class="button header-button" type="button" onClick={() => startNewChat(page)}>
      <NewChatIcon />
      <span>New chat</span>
    </button>
  );
}

export function Header({ page }: { page: Page }) {
  return (
    <header class="header">
      <h1 class="brand">
        <Logo />
        Relampago
      </h1>
      <Pages page={page} />
      <QueueView page={page} />
      <Status page={page} />
      <NewChatButton page={page} />
    </header>
  );
}

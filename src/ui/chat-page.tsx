// The chat: welcome or conversation, a failure if there is one, and the composer.

import { useEffect } from "preact/hooks";
import { Composer } from "./composer.tsx";
import { LoadFailure } from "./failure-view.tsx";
import { OutageView } from "./outage-view.tsx";
import type { Page } from "./state/page.ts";
import { Transcript } from "./transcript.tsx";
import { Welcome } from "./welcome.tsx";

/** Esc stops the answer, unless it closes an open panel. */
function useEscapeToStop(page: Page): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || event.isComposing || document.querySelector(":popover-open")) return;
      page.conversation.stop();
    };
    // In the capture phase: a panel is still open when its own Esc arrives here.
    addEventListener("keydown", onKeyDown, { capture: true });
    return () => removeEventListener("keydown", onKeyDown, { capture: true });
  }, [page]);
}

function Failed({ page }: { page: Page }) {
  const cycle = page.lifeCycle.current.value;
  return cycle.state === "failed" ? <LoadFailure page={page} failure={cycle.failure} /> : null;
}

function MainColumn({ page }: { page: Page }) {
  const isEmpty = page.conversation.turns.value.length === 0;
  return isEmpty ? <Welcome page={page} /> : <Transcript page={page} />;
}

export function ChatPage({ page }: { page: Page }) {
  useEscapeToStop(page);
  const { current, outage } = page.lifeCycle;
  const isFailed = current.value.state === "failed" || outage.value?.state === "given-up";
  return (
    <>
      <main class="page">
        <MainColumn page={page} />
        <OutageView page={page} />
        <Failed page={page} />
      </main>
      {!isFailed && <Composer page={page} />}
    </>
  );
}

// The conversation so far. It keeps its end in view while the reader is at the end, and only then.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { DownIcon } from "./icons.tsx";
import type { Page } from "./state/page.ts";
import { TurnView } from "./turn-view.tsx";

/** Nearer than this to the end counts as at the end. */
const END_PIXELS = 48;

function isAtEnd(): boolean {
  const { scrollHeight } = document.documentElement;
  return scrollY + innerHeight >= scrollHeight - END_PIXELS;
}

export function Transcript({ page }: { page: Page }) {
  const turns = page.conversation.turns.value;
  const list = useRef<HTMLElement>(null);
  const isFollowing = useSignal(true);
  /** Where the page was scrolled to last, as far as is known. */
  const lastY = useRef(0);

  const scrollToEnd = (): void => {
    scrollTo(0, document.documentElement.scrollHeight);
    lastY.current = scrollY;
  };

  useEffect(() => {
    const onScroll = (): void => {
      const isUpwards = scrollY < lastY.current;
      lastY.current = scrollY;
      // A fast answer grows before the page's own scrolling is told of: only who scrolls upwards leaves the end.
      if (isAtEnd()) isFollowing.value = true;
      else if (isUpwards) isFollowing.value = false;
    };
    // Fires when a line is added, not for every token.
    const observer = new ResizeObserver(() => {
      onScroll();
      if (isFollowing.value) scrollToEnd();
    });
    observer.observe(list.current!);
    addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      removeEventListener("scroll", onScroll);
    };
  }, [isFollowing]);

  const follow = (): void => {
    isFollowing.value = true;
    scrollToEnd();
  };
  useEffect(follow, [isFollowing, turns.length]);

  return (
    <>
      <section class="transcript" aria-label="Conversation" ref={list}>
        {turns.map((turn) => (
          <TurnView key={turn.turn} turn={turn} page={page} />
        ))}
      </section>
      {!isFollowing.value && (
        <button class="button jump" type="button" onClick={follow}>
          <DownIcon />
          <span>To the end</span>
        </button>
      )}
    </>
  );
}

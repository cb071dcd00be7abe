// What a screen reader is told, in whole sentences: phases of loading and complete answers, never single tokens.

import type { ConversationState, Turn } from "./conversation.ts";
import { PAUSE_TEXTS } from "./download-texts.ts";
import type { LifeCycle, LifeCycleState, Pause } from "./life-cycle.ts";
import { endingText } from "./ending.ts";
import { outageText } from "./outage-texts.ts";

function announceLoading(cycle: LifeCycle, pause: Pause | null): string {
  if (pause) return `${PAUSE_TEXTS[pause.problem]} It will be tried again.`;
  switch (cycle.state) {
    case "starting":
      return "Starting.";
    case "asking":
      return "Waiting for your agreement to the download.";
    case "loading":
      if (cycle.phase === "kernels") return "Preparing the GPU.";
      return cycle.keptBytes < cycle.totalBytes ? "Downloading the model." : "Reading the model from storage.";
    case "ready":
      return "The model is ready.";
    case "failed":
      return "";
  }
}

function announceTurn({ status, answer }: Turn): string {
  const current = status.value;
  switch (current.state) {
    case "reading":
    case "answering":
      return "Answering.";
    case "stopping":
      return "Stopping.";
    case "ended":
      return [answer.peek(), endingText(current)].filter(Boolean).join(" ");
    case "failed":
      return "";
  }
}

/** The sentence of the moment; failures announce themselves where they are shown. */
export function announce({ current, pause, outage }: LifeCycleState, conversation: ConversationState): string {
  if (outage.value) return outage.value.state === "restoring" ? outageText(outage.value.failure) : "";
  const cycle = current.value;
  const turn = conversation.turns.value.at(-1);
  return cycle.state === "ready" && turn ? announceTurn(turn) : announceLoading(cycle, pause.value);
}

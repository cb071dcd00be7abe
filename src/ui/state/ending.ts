// How the end of an answer is told, when it is not the model's own.

import { type TurnStatus, wasRefused } from "./conversation.ts";

/** A sentence for a turn that did not end by itself; "" for one that did or still runs. */
export function endingText(status: TurnStatus): string {
  if (status.state !== "ended") return "";
  if (wasRefused(status)) return "This message does not fit into what is left of the conversation, so it was not read.";
  switch (status.reason) {
    case "eos":
      return status.timings.generatedTokens > 1 ? "" : "The model ended its answer before the first word.";
    case "stop-string":
      return "";
    case "stopped":
      return "Stopped.";
    case "length":
      return "Cut at the maximum answer length, which you can change under Sampling.";
    case "context":
      return "The conversation is full, so the answer ends here.";
    case "memory":
      return "There is no more room on the GPU, so the answer ends here.";
  }
}

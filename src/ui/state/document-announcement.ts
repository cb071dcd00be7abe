// What a screen reader is told of a long document: phases, and complete answers.

import type { DocumentState } from "./document.ts";

/** The sentence of the moment; "" for nothing new. */
export function announceDocument({ phase, questions, isKept }: DocumentState): string {
  const question = questions.questions.value.at(-1);
  const { state } = phase.value;
  switch (state) {
    case "none":
      return "";
    case "counting":
      return "Counting tokens.";
    case "ready":
      return "The text is counted. It can be read now.";
    case "reading":
      return "Reading.";
    case "pausing":
      return "Pausing.";
    case "paused":
    case "read": {
      if (state === "paused" && phase.value.isFull && !question) return "Paused: the GPU’s memory is full.";
      if (!question)
        return isKept.value ? "Kept in this browser." : state === "paused" ? "Paused." : "The text is read.";
      const { state: stage } = question.status.value;
      if (stage !== "ended") return "Answering.";
      const verdict = question.verdict.value;
      const judged = verdict ? (verdict.isRight ? " Right." : ` Not found: the text says ${verdict.expected}.`) : "";
      return question.answer.peek() + judged;
    }
  }
}

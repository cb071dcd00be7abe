// Failures that a document alone is lost by: the page says what it was, and the rest of it goes on.

import type { Failure } from "../../worker/messages-engine.ts";
import { formatBytes } from "../quantities.ts";

/** A sentence; undefined for a failure that is not the document's alone. */
export function documentProblem({ kind, message, memory }: Failure): string | undefined {
  if (kind === "bad-document") return message;
  const isText = memory ? memory.what !== "model" : message.startsWith("room for ");
  if (!isText) return undefined;
  if (kind === "out-of-memory")
    return "The GPU has no memory left for a text. Close other pages that use it, and try again.";
  if (kind !== "memory-budget" || !memory) return undefined;
  const { neededBytes, usedBytes, budgetBytes } = memory;
  return `A text needs ${formatBytes(neededBytes)} of GPU memory to begin with; ${formatBytes(usedBytes)} of the ${formatBytes(budgetBytes)} that this page may take are in use. The panel of the model can allow more.`;
}

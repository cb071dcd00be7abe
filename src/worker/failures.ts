// Which of the page's failure texts an error belongs to.

import { CheckpointError } from "../checkpoint/checkpoint-error.ts";
import { DocumentError } from "../document/document-error.ts";
import { FeatureChoiceError } from "../gpu/features.ts";
import { GpuMemoryError, MemoryBudgetError } from "../gpu/memory-budget.ts";
import { UnsupportedGpuError } from "../gpu/session.ts";
import { DownloadError, type DownloadProblem } from "../store/download-error.ts";
import { TokenizerError } from "../text/tokenizer-error.ts";
import type { Failure, FailureKind } from "./messages-engine.ts";
import { GpuFailureError } from "./session-health.ts";

const DOWNLOAD_FAILURES: Readonly<Record<DownloadProblem, FailureKind>> = {
  "no-answer": "download",
  cut: "download",
  stalled: "download",
  busy: "download",
  missing: "missing-file",
  "web-page": "web-page",
  damaged: "bad-model",
};

export function parseFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UnsupportedGpuError) {
    return { kind: error.reason === "no-webgpu" ? "no-webgpu-in-worker" : error.reason, message };
  }
  if (error instanceof GpuFailureError) return { kind: error.reason, message };
  if (error instanceof MemoryBudgetError) {
    const { what, neededBytes, usedBytes, budgetBytes } = error;
    return { kind: "memory-budget", message, memory: { what, neededBytes, usedBytes, budgetBytes } };
  }
  if (error instanceof GpuMemoryError) return { kind: "out-of-memory", message };
  if (error instanceof FeatureChoiceError) return { kind: "wrong-features", message };
  if (error instanceof CheckpointError || error instanceof TokenizerError) return { kind: "bad-model", message };
  if (error instanceof DocumentError) return { kind: "bad-document", message };
  if (error instanceof DownloadError) return { kind: DOWNLOAD_FAILURES[error.problem], message };
  return { kind: "internal", message };
}

// Tells when a session's GPU fails, in itself and under work that runs on it.

import type { GpuSession } from "../gpu/session.ts";

/** The GPU failed: its device was lost, its memory is full, or it refused a command. */
export class GpuFailureError extends Error {
  override readonly name = "GpuFailureError";
  readonly reason: "device-lost" | "out-of-memory" | "internal";

  constructor(reason: GpuFailureError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface SessionHealth {
  /** Rejects with a GpuFailureError; never resolves. */
  readonly broken: Promise<never>;
  /** What `work` gives; throws what broke the session when that happens first. */
  during<Result>(work: Promise<Result>): Promise<Result>;
}

/** A lost device fails the work on it, with errors of all kinds, before the loss itself is told. */
const LONGEST_SILENCE_MS = 200;

/** Watches from now on. */
export function watchSession(session: GpuSession): SessionHealth {
  const broken = new Promise<never>((_, reject) => {
    void session.lost.then(({ message }) =>
      reject(new GpuFailureError("device-lost", `GPU device: expected it to stay, got lost: ${message}`)),
    );
    session.device.onuncapturederror = ({ error }) => reject(describeGpuError(error));
  });
  // Whoever works on the session is told; without work there may be nobody.
  broken.catch(() => undefined);
  return {
    broken,
    during: (work) => {
      const explained = work.catch(async (error: unknown) => {
        await Promise.race([broken, new Promise((resolve) => setTimeout(resolve, LONGEST_SILENCE_MS))]);
        throw error;
      });
      return Promise.race([explained, broken]);
    },
  };
}

function describeGpuError(error: GPUError): GpuFailureError {
  return error instanceof GPUOutOfMemoryError
    ? new GpuFailureError("out-of-memory", `GPU memory: expected enough of it, got: ${error.message}`)
    : new GpuFailureError("internal", `GPU: expected no error, got: ${error.message}`);
}

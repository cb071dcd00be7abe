// A file that is known before it is read: by name, size and digest.

import { CheckpointError } from "./checkpoint-error.ts";

export interface HashedFile {
  /** Name in the model's folder. */
  readonly file: string;
  readonly sizeBytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Throws CheckpointError unless the bytes are all of the file and as they were when it was made. */
export async function expectWhole({ file, sizeBytes, sha256 }: HashedFile, bytes: Uint8Array): Promise<void> {
  if (bytes.length !== sizeBytes) {
    throw new CheckpointError(file, "", `expected ${sizeBytes} bytes, got ${bytes.length}`);
  }
  const digest = await hashHex(bytes);
  if (digest !== sha256) throw new CheckpointError(file, "SHA-256", `expected ${sha256}, got ${digest}`);
}

/** SHA-256 in hexadecimal. */
export async function hashHex(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Random access to the bytes of a file, wherever it lies: on a disk, dropped on a page.

export interface ByteSource {
  /** For messages. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes `start` .. `end`, all of them. */
  read(start: number, end: number): Promise<Uint8Array>;
}

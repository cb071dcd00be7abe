// What is wrong with a checkpoint or an exported model, and where.

/** Message: `<file>: <what>: expected <x>, got <y>`; `what` is a tensor or a field, empty when the file itself is meant. */
export class CheckpointError extends Error {
  override readonly name = "CheckpointError";
  readonly file: string;
  /** Tensor or field. */
  readonly what: string;

  constructor(file: string, what: string, problem: string, options?: ErrorOptions) {
    super([file, what, problem].filter((part) => part !== "").join(": "), options);
    this.file = file;
    this.what = what;
  }
}

/** A JSON value for the end of a message, cut where it would fill more than a line. */
export function shown(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80);
}

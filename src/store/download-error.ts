// What kept a file from being downloaded whole.

/**
 * - no-answer: no connection, or a redirect that leads nowhere
 * - cut: the connection broke off
 * - stalled: nothing arrived for too long
 * - busy: the server cannot answer now (5xx, 408, 425, 429)
 * - missing: the server does not give the file (other statuses)
 * - web-page: HTML came in its place, from a network that wants a sign-in or a server that has no such file
 * - damaged: other bytes came than the file's
 */
export type DownloadProblem = "no-answer" | "cut" | "stalled" | "busy" | "missing" | "web-page" | "damaged";

export class DownloadError extends Error {
  override readonly name = "DownloadError";
  readonly problem: DownloadProblem;
  /** The shortest pause that the server asks for, in ms. */
  readonly retryAfterMs: number;

  constructor(problem: DownloadProblem, message: string, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super(message, options);
    this.problem = problem;
    this.retryAfterMs = options?.retryAfterMs ?? 0;
  }
}

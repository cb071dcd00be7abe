// What a text's state takes, by the config alone: lightning layers keep a state of fixed size, softmax layers keep keys and
// values of every token. Knows numbers, no GPU.

export interface StateSize {
  /** Recurrent states, and the counts of tokens for the penalties. */
  readonly fixedBytes: number;
  /** Keys and values in all softmax layers. */
  readonly bytesPerToken: number;
}

export function stateBytesAt({ fixedBytes, bytesPerToken }: StateSize, numTokens: number): number {
  return fixedBytes + bytesPerToken * numTokens;
}

/** Used bytes of one model, as its session's ledger has them. */
export interface UsedBytes {
  readonly weights: number;
  readonly recurrentState: number;
  readonly keys: number;
  /** Activations, tables, copies of states, what is being read back: the same however long the text. */
  readonly other: number;
}

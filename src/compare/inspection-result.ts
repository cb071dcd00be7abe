// What an inspection tells of each model: plain data that crosses to a page.

export interface InspectedLayer {
  readonly type: "linear_attention" | "full_attention";
  /** Tokens, head by head; null for a softmax layer, which forgets nothing. */
  readonly halfLives: readonly number[] | null;
  /** (num_heads, num_tokens); null for a softmax layer. */
  readonly stateNorms: Float32Array | null;
  /** (num_tokens, experts_per_token), the weightiest first. */
  readonly expertIds: Uint8Array;
  /** (num_experts): the share of all choices that each expert got. */
  readonly load: readonly number[];
}

export interface InspectedModel {
  readonly name: string;
  readonly numHeads: number;
  readonly expertsPerToken: number;
  readonly layers: readonly InspectedLayer[];
}

/** What a token takes from itself and those before, in one model. */
export interface TokenWeights {
  /** By layer: (num_heads, token + 1). */
  readonly layers: readonly Float32Array[];
}

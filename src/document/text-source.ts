// Where a document's text comes from. Types only.

export type TextSource =
  | { readonly kind: "text"; readonly name: string; readonly text: string }
  | { readonly kind: "file"; readonly name: string; readonly file: Blob }
  /** About so many tokens of the chronicle that the seed writes, with a fact at each depth, from 0 to 1. */
  | { readonly kind: "sample"; readonly seed: number; readonly numTokens: number; readonly depths: readonly number[] };

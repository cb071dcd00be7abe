// What a model was measured to find in long texts, in words.

import type { ReadyModel } from "../worker/messages-model.ts";
import { formatCount } from "./quantities.ts";

/** A sentence; "" where nothing was measured. */
export function describeRecall(recall: ReadyModel["recall"]): string {
  if (recall.length === 0) return "";
  const last = recall.findLastIndex(({ found }) => found > 0);
  const parts = recall.slice(0, last + 1).map(({ numTokens, found, asked }, index) => {
    const share = `${Math.round((100 * found) / asked)} %`;
    return index === 0
      ? `${share} of the facts hidden in texts of ${formatCount(numTokens)} tokens`
      : `${share} in ${formatCount(numTokens)}`;
  });
  const beyond = recall[last + 1];
  if (beyond && last < 0)
    parts.push(`none of the facts hidden in texts of ${formatCount(beyond.numTokens)} tokens or more`);
  else if (beyond) parts.push(`none in ${formatCount(beyond.numTokens)} or more`);
  return `Measured, it found ${new Intl.ListFormat("en").format(parts)}.`;
}

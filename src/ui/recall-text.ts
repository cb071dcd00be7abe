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
  if (beyond && last < 0) parts.push(`none of the facts hidden in texts of ${range(beyond, recall)} tokens`);
  else if (beyond) parts.push(`none in ${range(beyond, recall)}`);
  return `Measured, it found ${new Intl.ListFormat("en").format(parts)}.`;
}

/** From a length to the longest that was measured. */
function range({ numTokens }: ReadyModel["recall"][number], recall: ReadyModel["recall"]): string {
  const longest = recall.at(-1)!.numTokens;
  return longest === numTokens ? formatCount(numTokens) : `${formatCount(numTokens)} to ${formatCount(longest)}`;
}

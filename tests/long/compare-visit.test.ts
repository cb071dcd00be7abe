// The comparison as it is shipped, with a race of 2,000 tokens.

import { test } from "vitest";
import { useComparison, visitComparison } from "../browser/compare-visit.ts";

const RACE_TOKENS = 2000;
const real = useComparison(RACE_TOKENS);

test("the twins answer as Transformers does, and their memory grows by what their configs say over 2,000 tokens", async () => {
  real.page.setDefaultTimeout(1_800_000);
  await visitComparison(real, RACE_TOKENS);
});

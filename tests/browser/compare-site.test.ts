// The comparison as it is shipped, with a short race; tests/long/compare-visit.test.ts has a longer one.

import { test } from "vitest";
import { useComparison, visitComparison } from "./compare-visit.ts";
import { TIMEOUT_MS } from "./real-page.ts";

const RACE_TOKENS = 192;
const real = useComparison(RACE_TOKENS);

test(
  "the twins answer as Transformers does, with the bytes that their ledgers and configs say, in answers and a race",
  () => visitComparison(real, RACE_TOKENS),
  3 * TIMEOUT_MS,
);

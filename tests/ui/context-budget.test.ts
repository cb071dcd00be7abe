import { describe, expect, test } from "vitest";
import { computeOutlook, estimateTokens } from "../../src/ui/state/context-budget.ts";

describe("the estimate", () => {
  test("counts three ASCII characters a token, rounded up", () => {
    expect(estimateTokens("")).toBe(0);
    expect(estimateTokens("abc")).toBe(1);
    expect(estimateTokens("abcd")).toBe(2);
  });

  test("counts every UTF-8 byte of other characters", () => {
    for (const text of ["é", "漢字", "🦊", "ДА"])
      expect(estimateTokens(text)).toBe(new TextEncoder().encode(text).length);
  });
});

describe("the outlook", () => {
  const outlook = (usedTokens: number, draft = "", maxTokens = 512) =>
    computeOutlook(usedTokens, 1000, 600, draft, maxTokens);

  test("is roomy while message and a usual answer fit", () => {
    expect(outlook(0).room).toBe("roomy");
    expect(outlook(1000 - 24 - 128).room).toBe("roomy");
  });

  test("is tight when the answer may be cut short", () => {
    expect(outlook(1000 - 24 - 128 + 1).room).toBe("tight");
    expect(outlook(800, "x".repeat(300)).room).toBe("tight");
  });

  test("is roomy for answers that are wanted short", () => {
    expect(outlook(1000 - 24 - 10, "", 10).room).toBe("roomy");
  });

  test("is overfull when the message itself may not fit", () => {
    expect(outlook(0, "x".repeat(976 * 3)).room).toBe("overfull");
    expect(outlook(0, "x".repeat(975 * 3)).room).toBe("tight");
  });

  test("is full when not even an empty message fits", () => {
    expect(outlook(1000 - 24).room).toBe("overfull");
    expect(outlook(1000 - 23).room).toBe("full");
    expect(outlook(1200)).toMatchObject({ room: "full", leftTokens: 0 });
  });

  test("tells when the conversation outgrows the training, the typed text included", () => {
    expect(outlook(600).isBeyondTraining).toBe(false);
    expect(outlook(601).isBeyondTraining).toBe(true);
    expect(outlook(599, "four").isBeyondTraining).toBe(true);
    expect(computeOutlook(900, 1000, null, "", 512).isBeyondTraining).toBe(false);
  });

  test("does not count blanks as a message", () => {
    expect(outlook(0, "  \n ").draftTokens).toBe(0);
  });
});

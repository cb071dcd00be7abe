import { describe, expect, it } from "vitest";
import { createRecallList, namesValue, recallPrompt } from "../../src/compare/recall-list.ts";
import { chanceOf, type RecallCell, recallRates } from "../../src/compare/recall-result.ts";
import { measureRecall } from "../../src/compare/recall.ts";
import { useSession } from "../gpu/harness.ts";
import { tokenizer } from "../text/fixtures.ts";
import { createContender } from "./made-up-contender.ts";

const session = useSession();

describe("a recall list", () => {
  it("has different people and passwords whose first tokens differ, the same for the same seed", () => {
    const { pairs, text } = createRecallList(32, 5, tokenizer);
    for (const part of ["key", "value", "firstTokenId"] as const) {
      expect(new Set(pairs.map((pair) => pair[part])).size).toBe(32);
    }
    for (const { key, value, firstTokenId } of pairs) {
      expect(text).toContain(`The password of ${key} is ${value}.`);
      expect(tokenizer.encodePlain(value)[0]).toBe(firstTokenId);
    }
    expect(createRecallList(32, 5, tokenizer)).toEqual({ pairs, text });
    expect(createRecallList(32, 6, tokenizer).text).not.toBe(text);
    expect(() => createRecallList(70, 1, tokenizer)).toThrow(/^recall list: expected at most \d+ pairs, got 70$/);
  });

  it("is asked as the models were taught, and an answer counts that names the value as a word", () => {
    const list = createRecallList(2, 1, tokenizer);
    const [pair] = list.pairs;
    expect(recallPrompt(list, pair!)).toBe(
      `Read this text and answer my questions.\n\n${list.text}\n\nWhat is the password of ${pair!.key}?`,
    );
    expect(namesValue(`It is ${pair!.value}.`, pair!)).toBe(true);
    expect(namesValue(`It is ${pair!.value}wood.`, pair!)).toBe(false);
  });
});

it("rates are means over seeds with the error of the mean, and chance is one of the choices", () => {
  const cell = (size: number, seed: number, numSaid: number, numChosen: number): RecallCell => {
    return { name: "a", size, seed, numAsked: 4, numSaid, numChosen, promptTokens: 40 };
  };
  const cells = [cell(8, 1, 4, 4), cell(2, 1, 1, 2), cell(2, 2, 3, 2), { ...cell(2, 1, 0, 0), name: "b" }];
  expect(recallRates(cells, "a", "said")).toEqual([
    { size: 2, mean: 0.5, standardError: 0.25, numSeeds: 2 },
    { size: 8, mean: 1, standardError: 0, numSeeds: 1 },
  ]);
  expect(recallRates(cells, "a", "chosen")[0]).toMatchObject({ mean: 0.5, standardError: 0 });
  expect([1, 4, 64].map(chanceOf)).toEqual([1, 0.25, 1 / 16]);
});

it("a model is asked about every list, keys apart, and leaves no buffer behind", async () => {
  const contender = await createContender(session(), "softmax", { kvFormat: "f16", blockSize: 64 });
  const before = contender.model.session.ledger.allocatedBytes;
  const told: RecallCell[] = [];
  const plan = { sizes: [1, 3], seeds: [1, 2], questions: 2 };
  const cells = await measureRecall(contender, plan, { onCell: (cell) => told.push(cell) });
  expect(told).toEqual(cells);
  expect(cells.map(({ size, seed, numAsked }) => [size, seed, numAsked])).toEqual([
    [1, 1, 1],
    [1, 2, 1],
    [3, 1, 2],
    [3, 2, 2],
  ]);
  for (const { size, numChosen, numAsked, numSaid, promptTokens } of cells) {
    // Of one value there is no other choice.
    if (size === 1) expect(numChosen).toBe(1);
    expect(numChosen).toBeLessThanOrEqual(numAsked);
    expect(numSaid).toBe(0);
    expect(promptTokens).toBeGreaterThan(20 * Math.log2(size + 1));
  }
  expect(contender.model.session.ledger.allocatedBytes).toBe(before);
});

import { expect, test } from "vitest";
import { StopScanner } from "../../src/chat/stop-scanner.ts";
import { createRandom } from "../gpu/harness.ts";

interface Scan {
  /** What each token lets be shown. */
  readonly shown: readonly string[];
  /** Tokens wholly shown after each. */
  readonly numTokens: readonly number[];
  readonly isStopped: boolean;
}

function scan(stopStrings: readonly string[], tokens: readonly string[]): Scan {
  const scanner = new StopScanner(stopStrings);
  const shown: string[] = [];
  const numTokens: number[] = [];
  for (const [index, token] of tokens.entries()) {
    const result = scanner.push(token, index + 1, index + 1 === tokens.length);
    shown.push(result.text);
    numTokens.push(result.numTokens);
    if (result.isStopped) return { shown, numTokens, isStopped: true };
  }
  return { shown, numTokens, isStopped: false };
}

test("without stop strings every token is shown at once", () => {
  expect(scan([], ["Once", " upon", "", " a", ""])).toEqual({
    shown: ["Once", " upon", "", " a", ""],
    numTokens: [1, 2, 2, 4, 5],
    isStopped: false,
  });
});

test("a stop string over several tokens is held back until it is whole, and never shown", () => {
  expect(scan(["\nUser:"], ["Yes", ".", "\n", "Us", "er", ":", " no"])).toEqual({
    shown: ["Yes", ".", "", "", "", ""],
    numTokens: [1, 2, 2, 2, 2, 2],
    isStopped: true,
  });
});

test("what only looked like a beginning is shown with the token that tells", () => {
  expect(scan(["\nUser:"], ["Yes", "\n", "Us", "ed", "\n", "\n", "User", "!"])).toEqual({
    shown: ["Yes", "", "", "\nUsed", "", "\n", "", "\nUser!"],
    numTokens: [1, 1, 1, 4, 4, 5, 5, 8],
    isStopped: false,
  });
});

test("a token is held back as a whole, and cut where the stop string begins in it", () => {
  expect(scan(["##"], ["a", "b#", "#c"])).toEqual({ shown: ["a", "", "b"], numTokens: [1, 1, 1], isStopped: true });
  expect(scan(["##"], ["a", "b#", "c"])).toEqual({ shown: ["a", "", "b#c"], numTokens: [1, 1, 3], isStopped: false });
  expect(scan(["##"], ["ab##c##"])).toEqual({ shown: ["ab"], numTokens: [0], isStopped: true });
  expect(scan(["##"], ["##"])).toEqual({ shown: [""], numTokens: [0], isStopped: true });
});

test("tokens without text count with the next that has some, and are not kept before a stop string", () => {
  expect(scan(["x"], ["a", "", "", "b", "", "x"])).toEqual({
    shown: ["a", "", "", "b", "", ""],
    numTokens: [1, 1, 1, 4, 4, 4],
    isStopped: true,
  });
});

test("what is held back at the answer's end is shown", () => {
  expect(scan(["\nUser:"], ["Yes", "\nUs"])).toEqual({ shown: ["Yes", "\nUs"], numTokens: [1, 2], isStopped: false });
  expect(scan(["\nUser:"], ["Yes", "\nUs", ""])).toEqual({
    shown: ["Yes", "", "\nUs"],
    numTokens: [1, 1, 3],
    isStopped: false,
  });
});

test("of several stop strings the one that is whole first ends the answer, and of those the longest", () => {
  expect(scan(["lo wor", "world"], ["hello world"]).shown).toEqual(["hel"]);
  expect(scan(["world", "o w"], ["hello world"]).shown).toEqual(["hell"]);
  expect(scan(["lo", "hello"], ["say hello"]).shown).toEqual(["say "]);
  expect(scan(["aab"], ["aaaab"]).shown).toEqual(["aa"]);
});

test("an empty stop string is refused", () => {
  expect(() => new StopScanner(["a", ""])).toThrow(new RangeError("stopStrings: expected texts, got an empty one"));
});

test("every split of a text into tokens shows the same, and never more than is certain", () => {
  const random = createRandom(12);
  const choose = (count: number) => Math.floor(((random() + 1) / 2) * count);
  const letters = (length: number) => Array.from({ length }, () => "ab\n"[choose(3)]!).join("");
  let numStopped = 0;
  for (let round = 0; round < 2000; round++) {
    const text = letters(1 + choose(24));
    const stopStrings = Array.from({ length: choose(4) }, () => letters(1 + choose(5)));
    const tokens: string[] = [];
    for (let at = 0; at < text.length; at += tokens.at(-1)!.length) tokens.push(text.slice(at, at + choose(5)));
    const { shown, numTokens, isStopped } = scan(stopStrings, tokens);
    const message = JSON.stringify({ tokens, stopStrings, shown });

    // Letter by letter: over as soon as the text ends with a stop string, the longest of them.
    let expected = text;
    for (let end = text.length; end > 0; end--) {
      const found = stopStrings.filter((stop) => text.slice(0, end).endsWith(stop));
      if (found.length > 0) expected = text.slice(0, end - Math.max(...found.map(({ length }) => length)));
    }
    expect(shown.join(""), message).toBe(expected);
    expect(isStopped, message).toBe(stopStrings.some((stop) => text.includes(stop)));
    numStopped += Number(isStopped);
    for (const [index, kept] of numTokens.entries()) {
      const shownSoFar = shown.slice(0, index + 1).join("");
      const keptText = tokens.slice(0, kept).join("");
      if (!isStopped || index + 1 < shown.length) expect(keptText, message).toBe(shownSoFar);
      else expect(shownSoFar.startsWith(keptText), message).toBe(true);
    }
  }
  expect(numStopped).toBeGreaterThan(500);
  expect(numStopped).toBeLessThan(1500);
});

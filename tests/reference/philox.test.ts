import { expect, it } from "vitest";
import { philox4x32, uniformDraw } from "../../src/reference/philox.ts";

// Known answers of the generator's authors (Random123, kat_vectors).
it.each([
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    expected: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    expected: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    expected: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
])("philox4x32 of counter $counter and key $key is the published answer", ({ counter, key, expected }) => {
  expect(philox4x32(counter, key)).toEqual(expected);
});

it("a draw is the top 24 bits for the position's counter and the seed's key", () => {
  expect(uniformDraw(0, 0)).toBe(0x6627e8 / 0x1000000);
  expect(uniformDraw(7, 0xfffffffe)).toBe((philox4x32([0xfffffffe, 0, 0, 0], [7, 0])[0] >>> 8) / 0x1000000);
  expect(new Set([uniformDraw(1, 2), uniformDraw(2, 1), uniformDraw(1, 1), uniformDraw(2, 2)]).size).toBe(4);
});

// Spoils safetensors files by a seeded generator. Whatever comes out must be refused with a CheckpointError, or describe
// tensors that tile the file.

import { expect } from "vitest";
import { CheckpointError } from "../../src/checkpoint/checkpoint-error.ts";
import { readNumbers, readSafetensors, type SafetensorsTensor } from "../../src/checkpoint/safetensors.ts";
import { createRandom } from "../text/random-text.ts";
import { bytesOf, joinBytes, sourceOf, textBytes, withHeader } from "./made-checkpoint.ts";

/** What a header is spoiled with: its own alphabet, and numbers at the edges. */
const SNIPPETS = [
  ...'{}[]",:0123456789-.eE\\ \n',
  ...["null", "true", "-1", "1e3", "4.5", "9007199254740993", "18446744073709551616", "1e999", '""', "[]", "{}"],
  ...[
    '"F32"',
    '"BF16"',
    '"F64"',
    '"dtype":',
    '"shape":',
    '"data_offsets":',
    '"a":',
    '"__proto__":',
    "\\u0000",
    "\u00ff",
  ],
];

export interface FuzzCounts {
  accepted: number;
  refused: number;
}

export async function fuzzSafetensors(seed: number, numFiles: number): Promise<FuzzCounts> {
  const random = createRandom(seed);
  const counts = { accepted: 0, refused: 0 };
  for (let file = 0; file < numFiles; file++) {
    const bytes = spoil(random);
    const context = `seed ${seed}, file ${file}: ${new TextDecoder().decode(bytes.subarray(8, 400))}`;
    try {
      const tensors = await readSafetensors(sourceOf("fuzzed", bytes));
      expectTiles([...tensors.values()], bytes, context);
      for (const tensor of tensors.values())
        await readNumbers(
          tensor,
          0,
          tensor.shape.reduce((a, b) => a * b, 1),
        );
      counts.accepted += 1;
    } catch (error) {
      expect(error, context).toBeInstanceOf(CheckpointError);
      expect((error as CheckpointError).message, context).toMatch(/^fuzzed: .*expected .*, got /s);
      counts.refused += 1;
    }
  }
  return counts;
}

function spoil(random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  const sizes = Array.from({ length: 1 + below(4) }, () => below(5));
  let end = 0;
  const entries = sizes.map((size, index) => {
    const start = end;
    end += size * 4;
    return `"${"abcd"[index]}":{"dtype":"F32","shape":[${size}],"data_offsets":[${start},${end}]}`;
  });
  let header = `{${entries.join(",")}}`;
  for (let edit = below(4); edit > 0; edit--) {
    const at = below(header.length + 1);
    const removed = below(3) === 0 ? below(12) : below(2);
    const added = below(3) === 0 ? "" : SNIPPETS[below(SNIPPETS.length)]!;
    header = header.slice(0, at) + added + header.slice(at + removed);
  }
  const body = bytesOf(Float32Array.from({ length: end / 4 }, random));
  switch (below(8)) {
    case 0:
      return withHeader(header, body.subarray(0, below(body.length + 1)));
    case 1:
      return withHeader(header, joinBytes([body, new Uint8Array(below(9))]));
    case 2:
      return withHeader(header, body, BigInt(textBytes(header).length + below(9) - 4));
    case 3:
      return withHeader(header, body).subarray(0, below(16));
    default:
      return withHeader(header, body);
  }
}

function expectTiles(tensors: readonly SafetensorsTensor[], bytes: Uint8Array, context: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const owner = new Uint8Array(bytes.length);
  const dataStart = 8 + Number(view.getBigUint64(0, true));
  for (const { start, end } of tensors) for (let at = start; at < end; at++) owner[at]! += 1;
  expect(
    [...owner.subarray(0, dataStart)].every((count) => count === 0),
    context,
  ).toBe(true);
  expect(
    [...owner.subarray(dataStart)].every((count) => count === 1),
    context,
  ).toBe(true);
}

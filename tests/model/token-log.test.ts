import { describe, expect, it } from "vitest";
import { KvOverwrites } from "../../src/model/kv-overwrites.ts";
import { TokenLog } from "../../src/model/token-log.ts";

function createLog(...blocks: readonly number[][]): TokenLog {
  const log = new TokenLog();
  for (const block of blocks) log.appendBlock(block);
  return log;
}

function read(log: TokenLog): { ids: number[]; lengths: number[] } {
  const { tokenIds, blockLengths } = log.share();
  return { ids: [...tokenIds], lengths: [...blockLengths] };
}

describe("a token log", () => {
  it("keeps ids and block lengths in order", () => {
    const log = createLog([5, 6, 7], [8], [9, 10]);
    expect(read(log)).toEqual({ ids: [5, 6, 7, 8, 9, 10], lengths: [3, 1, 2] });
    expect(log.numTokens).toBe(6);
  });

  it("leaves what was shared as it was, whatever happens later", () => {
    const log = createLog([1, 2, 3], [4], [5]);
    const early = log.share();
    log.removeDecoded(2);
    const cut = log.share();
    log.appendBlock([40, 50]);
    expect(read(log)).toEqual({ ids: [1, 2, 3, 40, 50], lengths: [3, 2] });
    expect([...early.tokenIds]).toEqual([1, 2, 3, 4, 5]);
    expect([...early.blockLengths]).toEqual([3, 1, 1]);
    expect([...cut.tokenIds]).toEqual([1, 2, 3]);
  });

  it("becomes an earlier state of itself, and a later one again", () => {
    const log = createLog([1, 2]);
    const early = log.share();
    log.appendBlock([3, 4]);
    const late = log.share();
    log.become(early);
    expect(read(log).ids).toEqual([1, 2]);
    log.become(late);
    expect(read(log)).toEqual({ ids: [1, 2, 3, 4], lengths: [2, 2] });
    log.become(early);
    log.appendBlock([9]);
    expect(read(log).ids).toEqual([1, 2, 9]);
    expect([...late.tokenIds]).toEqual([1, 2, 3, 4]);
  });

  it("becomes another log without a tie to it", () => {
    const [first, second] = [createLog([1, 2, 3]), createLog([7])];
    second.become(first.share());
    first.appendBlock([4]);
    second.appendBlock([5]);
    expect(read(first).ids).toEqual([1, 2, 3, 4]);
    expect(read(second).ids).toEqual([1, 2, 3, 5]);
    const given = { tokenIds: Uint32Array.of(6, 6), blockLengths: Uint32Array.of(2) };
    second.become(given);
    given.tokenIds[0] = 1;
    expect(read(second).ids).toEqual([6, 6]);
  });

  it("shares a million tokens at every block without copying them", () => {
    const log = new TokenLog();
    const block = new Uint32Array(512).fill(3);
    const buffers = new Set<ArrayBufferLike>();
    for (let numBlocks = 0; numBlocks < 2000; numBlocks++) {
      log.appendBlock(block);
      buffers.add(log.share().tokenIds.buffer);
    }
    expect(log.numTokens).toBe(1_024_000);
    // Doubled each time: 256 · 2^12 is more than a million.
    expect(buffers.size).toBeLessThan(16);
  });
});

describe("overwritten keys", () => {
  it("are none while a text only grows, or goes back and forth", () => {
    const overwrites = new KvOverwrites();
    overwrites.note(0, 40);
    const { generation } = overwrites;
    overwrites.note(40, 20);
    expect(overwrites.numKept(generation, 40)).toBe(40);
    expect(overwrites.numKept(overwrites.generation, 60)).toBe(60);
  });

  it("are lost for what was there before, from where another text begins", () => {
    const overwrites = new KvOverwrites();
    overwrites.note(0, 60);
    const first = overwrites.generation;
    overwrites.note(40, 5);
    overwrites.note(45, 30);
    const second = overwrites.generation;
    expect(overwrites.numKept(first, 60)).toBe(40);
    expect(overwrites.numKept(first, 30)).toBe(30);
    expect(overwrites.numKept(second, 75)).toBe(75);
    overwrites.note(50, 1);
    expect(overwrites.numKept(first, 60)).toBe(40);
    expect(overwrites.numKept(second, 75)).toBe(50);
    overwrites.note(10, 1);
    expect(overwrites.numKept(first, 60)).toBe(10);
    expect(overwrites.numKept(second, 75)).toBe(10);
    expect(overwrites.numKept(overwrites.generation, 11)).toBe(11);
  });
});

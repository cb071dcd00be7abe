// Seeded texts that are hard on a tokenizer.

const PIECES: readonly string[] = [
  ..."aeiou thr.,!?'\"-0189",
  "Hello",
  " world",
  "don't",
  " WE'LL",
  "\n",
  "\r\n",
  "\n\n",
  "\r",
  "\t",
  "  ",
  "   \n",
  "\u00a0",
  "\u2028",
  "\u3000",
  "\0",
  "\x07",
  "\x1b",
  "\x7f",
  "\x85",
  "\ufeff",
  "\ufffd",
  "\uffff",
  "é",
  "e\u0301",
  "a\u0308\u0323",
  "ﬁ",
  "ß",
  "İ",
  "ñ",
  "中文",
  "日本",
  "ひ",
  "한국",
  "ا",
  "ע",
  "हि",
  "\u200d",
  "\u200b",
  "٣",
  "Ⅷ",
  "🙂",
  "👩‍👩‍👧",
  "🇧🇷",
  "👍🏽",
  "𝒳",
  "\u{10ffff}",
  "\ud83d",
  "\ude00",
  "\udfff",
  "<image>",
  "<end_of_sentence>",
  "<beginning_of_sentence",
  "_of_sentence>",
  "<",
  ">",
  "<|",
  "Ġ",
  "Ċ",
  "{{",
  "%}",
];

/** mulberry32: uniform in [0, 1). */
export function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A text of up to 60 pieces. */
export function randomText(random: () => number): string {
  const length = Math.floor(random() * 60);
  return Array.from({ length }, () => PIECES[Math.floor(random() * PIECES.length)]).join("");
}

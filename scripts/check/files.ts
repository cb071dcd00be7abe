// Names and lengths of the project's own files.

const BANNED_WORDS =
  /^(data|infos?|utils?|utilities|helpers?|managers?|process|handle|handlers?|tmp|types?|misc|index|stuff)$/;
const MAX_LINES = 300;

/** Problems of the file's name: words that say nothing. `index.html` is the page. */
export function checkFileName(path: string): string[] {
  if (path === "index.html") return [];
  const words = path.split("/").flatMap((part) => part.split(/[-_.]/));
  const banned = words.filter((word) => BANNED_WORDS.test(word));
  return banned.map((word) => `${path}: expected words that name the subject, got "${word}"`);
}

/** Warnings about the file's length. */
export function checkLength(path: string, text: string): string[] {
  const numLines = text.split("\n").length - 1;
  return numLines > MAX_LINES ? [`${path}: expected at most ${MAX_LINES} lines, got ${numLines}`] : [];
}

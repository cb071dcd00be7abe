import { expect, test } from "vitest";
import { createReadyPage, createTestPage, say, TIMINGS } from "./test-page.ts";

test("loading is announced by phase, not by byte", () => {
  const { page, engine } = createTestPage();
  page.start();
  engine().emit({ kind: "size", name: "small", totalBytes: 5, keptBytes: 0 });
  const before = page.announcement.value;
  engine().emit({ kind: "loading", phase: "weights", loadedBytes: 3, totalBytes: 5, origin: "network" });
  expect(page.announcement.value).toBe(before);
  expect(before).toBe("Downloading the model.");
  engine().emit({ kind: "loading", phase: "kernels" });
  expect(page.announcement.value).toBe("Preparing the GPU.");
});

test("an answer is announced whole at its end, and not before", () => {
  const ready = createReadyPage();
  expect(ready.page.announcement.value).toBe("The model is ready.");
  const turn = say(ready, "Hi");
  const { emit } = ready.engine();
  emit({ kind: "text", turn, text: "Hello ", generatedTokens: 1, elapsedMs: 0 });
  emit({ kind: "text", turn, text: "there.", generatedTokens: 2, elapsedMs: 9 });
  expect(ready.page.announcement.value).toBe("Answering.");
  emit({ kind: "turnEnded", turn, reason: "eos", timings: TIMINGS, usedTokens: 14 });
  expect(ready.page.announcement.value).toBe("Hello there.");
});

test("what cut an answer is announced after it", () => {
  const ready = createReadyPage();
  const turn = say(ready, "Hi");
  ready.engine().emit({ kind: "text", turn, text: "Hello", generatedTokens: 1, elapsedMs: 0 });
  ready.page.conversation.stop();
  expect(ready.page.announcement.value).toBe("Stopping.");
  ready.engine().emit({ kind: "turnEnded", turn, reason: "stopped", timings: TIMINGS, usedTokens: 14 });
  expect(ready.page.announcement.value).toBe("Hello Stopped.");
});

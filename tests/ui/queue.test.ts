import { expect, test } from "vitest";
import type { QueuedJob } from "../../src/worker/messages-engine.ts";
import { createReadyPage, createTestPage } from "./test-page.ts";

const ANSWER: QueuedJob = { job: 1, part: "chat", title: "Answering", state: "running" };
const BENCHMARK: QueuedJob = { job: 2, part: "benchmark", title: "Benchmark", state: "waiting" };

test("what runs is told on other pages than its own, and on its own once something waits", () => {
  const { page, engine } = createReadyPage();
  engine().emit({ kind: "queue", jobs: [ANSWER] });
  expect(page.queue.told.value).toEqual([]);
  page.navigate("#/benchmark");
  expect(page.queue.told.value).toEqual([ANSWER]);
  page.navigate("#/");
  engine().emit({ kind: "queue", jobs: [ANSWER, BENCHMARK] });
  expect(page.queue.told.value).toEqual([ANSWER, BENCHMARK]);
  engine().emit({ kind: "queue", jobs: [] });
  expect(page.queue.told.value).toEqual([]);
});

test("a job is cancelled by its number, and a new engine has none", () => {
  const { page, engine } = createReadyPage();
  engine().emit({ kind: "queue", jobs: [ANSWER, BENCHMARK] });
  page.queue.cancel(2);
  expect(engine().requests).toEqual([{ kind: "cancelJob", job: 2 }]);
  page.start();
  expect(page.queue.jobs.value).toEqual([]);
});

test("nothing is told while the model is loaded: that shows itself on every page", () => {
  const { page, engine } = createTestPage();
  page.start();
  page.navigate("#/benchmark");
  engine().emit({ kind: "queue", jobs: [{ ...ANSWER, title: "Loading the model" }] });
  expect(page.queue.told.value).toEqual([]);
});

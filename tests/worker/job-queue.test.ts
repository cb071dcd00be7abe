import { expect, test } from "vitest";
import { JobQueue } from "../../src/worker/job-queue.ts";
import type { QueuedJob } from "../../src/worker/messages-engine.ts";

interface Recorded {
  readonly queue: JobQueue;
  /** What was told, as `title state`. */
  readonly told: string[][];
  readonly happened: string[];
  readonly errors: unknown[];
  /** Adds a job that ends when its name is given to `end`, or with the signal. */
  add(title: string): number;
  end(title: string): Promise<void>;
}

function createRecorded(): Recorded {
  const told: string[][] = [];
  const happened: string[] = [];
  const errors: unknown[] = [];
  const ends = new Map<string, () => void>();
  const tell = (jobs: readonly QueuedJob[]) => told.push(jobs.map(({ title, state }) => `${title} ${state}`));
  const queue = new JobQueue(tell, (error) => errors.push(error));
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve));
  return {
    queue,
    told,
    happened,
    errors,
    add: (title) =>
      queue.add({
        part: "chat",
        title,
        run: async (signal) => {
          happened.push(`${title} begins`);
          await new Promise<void>((resolve) => {
            ends.set(title, resolve);
            signal.addEventListener("abort", () => resolve());
            if (signal.aborted) resolve();
          });
          happened.push(`${title} ends`);
        },
        skip: () => happened.push(`${title} is skipped`),
      }),
    end: async (title) => {
      await settle();
      ends.get(title)!();
      await settle();
    },
  };
}

test("jobs run one after another, and what runs and waits is told at every change", async () => {
  const { add, end, told, happened } = createRecorded();
  expect([add("a"), add("b")]).toEqual([1, 2]);
  expect(happened).toEqual([]);
  await end("a");
  await end("b");
  add("c");
  await end("c");
  expect(happened).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  expect(told).toEqual([["a running"], ["a running", "b waiting"], ["b running"], [], ["c running"], []]);
});

test("one that waits is skipped at once, one that runs is asked to end, one that is over is left alone", async () => {
  const { queue, add, end, told, happened } = createRecorded();
  for (const title of ["a", "b", "c"]) add(title);
  await end("nothing").catch(() => undefined);
  queue.cancel(2);
  expect(happened).toEqual(["a begins", "b is skipped"]);
  expect(told.at(-1)).toEqual(["a running", "c waiting"]);
  queue.cancel(1);
  expect(told.at(-1)).toEqual(["a ending", "c waiting"]);
  queue.cancel(2);
  queue.cancel(1);
  await end("c");
  queue.cancel(3);
  expect(happened.slice(2)).toEqual(["a ends", "c begins", "c ends"]);
  expect(told.at(-1)).toEqual([]);
});

test("all at once are cancelled without any beginning", async () => {
  const { queue, add, end, happened } = createRecorded();
  for (const title of ["a", "b", "c"]) add(title);
  await end("nothing").catch(() => undefined);
  queue.cancelAll();
  await end("a");
  expect(happened).toEqual(["a begins", "c is skipped", "b is skipped", "a ends"]);
});

test("what a job throws is told, and the next one runs", async () => {
  const { queue, add, end, errors, happened } = createRecorded();
  queue.add({ part: "chat", title: "bad", run: () => Promise.reject(new Error("no")), skip: () => {} });
  add("good");
  await end("good");
  expect(errors).toEqual([new Error("no")]);
  expect(happened).toEqual(["good begins", "good ends"]);
});

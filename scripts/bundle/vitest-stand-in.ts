// Stands in for vitest in a bundle: as much of it as the tests of tests/gpu use, with nothing to install. A bundle's tests
// import this file wherever they name vitest.

import { isDeepStrictEqual, inspect } from "node:util";

type Body = (...values: never[]) => unknown;
type Options = { readonly timeout?: number };

interface Suite {
  readonly name: string;
  readonly before: Body[];
  readonly after: Body[];
  readonly items: (Suite | { readonly name: string; readonly body: Body })[];
}

const createSuite = (name: string): Suite => ({ name, before: [], after: [], items: [] });
let current = createSuite("");

export const beforeAll = (body: Body): unknown => current.before.push(body);
export const afterAll = (body: Body): unknown => current.after.push(body);

function addSuite(name: string, fill: Body): void {
  const [parent, suite] = [current, createSuite(name)];
  parent.items.push(suite);
  current = suite;
  fill();
  current = parent;
}

function addTest(name: string, ...rest: [Body] | [Options, Body]): void {
  current.items.push({ name, body: rest.at(-1) as Body });
}

/** `add` for each row of a table; an array is spread over the arguments. */
function forEachRow(add: (name: string, body: Body) => void) {
  return (table: readonly unknown[]) =>
    (name: string, ...rest: [Body] | [Options, Body]): void => {
      for (const row of table) {
        const values = Array.isArray(row) ? row : [row];
        add(nameRow(name, values), () => (rest.at(-1) as (...values: unknown[]) => unknown)(...values));
      }
    };
}

function nameRow(name: string, values: readonly unknown[]): string {
  const [first] = values;
  let next = 0;
  return name
    .replaceAll(/%[sifd]/g, () => String(values[next++]))
    .replaceAll(/\$(\w+)/g, (_, key: string) => String((first as Record<string, unknown> | undefined)?.[key]));
}

export const describe = Object.assign(addSuite, { each: forEachRow(addSuite) });
export const it = Object.assign(addTest, { each: forEachRow(addTest) });
export const test = it;

/** Numbers of passed and failed tests; failures are told as they come. */
export interface Tally {
  passed: number;
  failed: number;
}

/** Runs what the files imported so far have defined, one by one. */
export async function runSuites(tally: Tally): Promise<void> {
  const suite = current;
  current = createSuite("");
  await runSuite(suite, "", tally);
}

async function runSuite({ name, before, after, items }: Suite, path: string, tally: Tally): Promise<void> {
  const here = path === "" ? name : `${path} > ${name}`;
  await attempt(`${here}: before`, tally, before, 0);
  for (const item of items) {
    if ("items" in item) await runSuite(item, here, tally);
    else await attempt(`${here} > ${item.name}`, tally, [item.body], 1);
  }
  await attempt(`${here}: after`, tally, after, 0);
}

async function attempt(name: string, tally: Tally, bodies: readonly Body[], weight: number): Promise<void> {
  try {
    for (const body of bodies) await body();
    tally.passed += weight;
  } catch (error) {
    tally.failed += 1;
    console.log(`FAILED ${name}\n  ${(error instanceof Error ? error.message : String(error)).slice(0, 500)}`);
  }
}

/** What vitest's toEqual compares: own enumerable values, undefined ones as if absent. */
function isEqual(actual: unknown, expected: unknown): boolean {
  return isDeepStrictEqual(withoutUndefined(actual), withoutUndefined(expected));
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, own]) => (own === undefined ? [] : [[key, withoutUndefined(own)]])),
  );
}

function isThrown(error: unknown, expected: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  if (expected === undefined) return true;
  if (typeof expected === "string") return message.includes(expected);
  if (expected instanceof RegExp) return expected.test(message);
  if (typeof expected === "function") return error instanceof expected;
  return expected instanceof Error && message === expected.message;
}

class Expectation {
  readonly #actual: unknown;
  readonly #label: string;
  readonly #isNegated: boolean;

  constructor(actual: unknown, label = "", isNegated = false) {
    this.#actual = actual;
    this.#label = label;
    this.#isNegated = isNegated;
  }

  get not(): Expectation {
    return new Expectation(this.#actual, this.#label, !this.#isNegated);
  }

  get rejects(): { toThrow(expected?: unknown): Promise<void> } {
    return {
      toThrow: async (expected) => {
        const error = await (this.#actual as Promise<unknown>).then(
          () => undefined,
          (reason: unknown) => ({ reason }),
        );
        this.#check(error !== undefined && isThrown(error.reason, expected), "rejects", expected, error?.reason);
      },
    };
  }

  toBe = (expected: unknown): void => this.#check(Object.is(this.#actual, expected), "to be", expected);
  toEqual = (expected: unknown): void => this.#check(isEqual(this.#actual, expected), "to equal", expected);
  toBeUndefined = (): void => this.#check(this.#actual === undefined, "to be", undefined);
  toBeLessThan = (limit: number): void => this.#check((this.#actual as number) < limit, "less than", limit);
  toBeLessThanOrEqual = (limit: number): void => this.#check((this.#actual as number) <= limit, "at most", limit);
  toBeGreaterThan = (limit: number): void => this.#check((this.#actual as number) > limit, "more than", limit);
  toBeGreaterThanOrEqual = (limit: number): void => this.#check((this.#actual as number) >= limit, "at least", limit);

  toContain(expected: unknown): void {
    const actual = this.#actual as string | Iterable<unknown>;
    const has = typeof actual === "string" ? actual.includes(expected as string) : [...actual].includes(expected);
    this.#check(has, "to contain", expected);
  }

  toThrow(expected?: unknown): void {
    let thrown: { reason: unknown } | undefined;
    try {
      (this.#actual as () => unknown)();
    } catch (reason) {
      thrown = { reason };
    }
    this.#check(thrown !== undefined && isThrown(thrown.reason, expected), "to throw", expected, thrown?.reason);
  }

  #check(holds: boolean, relation: string, expected: unknown, actual = this.#actual): void {
    if (holds !== this.#isNegated) return;
    const [wanted, got] = [expected, actual].map((value) =>
      inspect(value, { maxArrayLength: 8, breakLength: Infinity }),
    );
    const negation = this.#isNegated ? "not " : "";
    throw new Error(`${this.#label || "value"}: expected ${negation}${relation} ${wanted}, got ${got}`);
  }
}

export function expect(actual: unknown, label?: string): Expectation {
  return new Expectation(actual, label);
}

// Reads fields of a JSON object one by one, each with its own error.

import { CheckpointError, shown } from "./checkpoint-error.ts";

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
  readonly multipleOf?: number;
}

/** Throws CheckpointError that names file and field. */
export class ConfigFields {
  readonly #file: string;
  readonly #prefix: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(file: string, json: unknown, prefix = "") {
    this.#file = file;
    this.#prefix = prefix;
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new CheckpointError(file, prefix.replace(/\.$/, ""), `expected a JSON object, got ${shown(json)}`);
    }
    this.#fields = json as Record<string, unknown>;
  }

  get(name: string): unknown {
    return this.#fields[name] ?? undefined;
  }

  fail(name: string, expected: string): never {
    throw new CheckpointError(this.#file, this.#prefix + name, `expected ${expected}, got ${shown(this.get(name))}`);
  }

  /** A finite number within the range; `fallback` when the field is absent. */
  number(name: string, range: NumberRange = {}, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    const { min = -Infinity, max = Infinity } = range;
    if (typeof value !== "number" || !Number.isFinite(value) || value < min || value > max) {
      return this.fail(name, `a number${describeRange(range)}`);
    }
    return value;
  }

  /** A whole number within the range. */
  integer(name: string, range: NumberRange, fallback?: number): number {
    const value = this.get(name) ?? fallback;
    const { min = 0, max = Number.MAX_SAFE_INTEGER, multipleOf = 1 } = range;
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      return this.fail(name, `a whole number${describeRange(range)}`);
    }
    if ((value as number) % multipleOf !== 0) return this.fail(name, `a multiple of ${multipleOf}`);
    return value as number;
  }

  boolean(name: string, fallback?: boolean): boolean {
    const value = this.get(name) ?? fallback;
    if (typeof value !== "boolean") return this.fail(name, "true or false");
    return value;
  }

  string(name: string): string {
    const value = this.get(name);
    if (typeof value !== "string") return this.fail(name, "a text");
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.get(name);
    if (!Array.isArray(value)) return this.fail(name, "a list");
    return value;
  }

  object(name: string): ConfigFields {
    return new ConfigFields(this.#file, this.get(name), `${this.#prefix}${name}.`);
  }
}

function describeRange({ min, max }: NumberRange): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? "" : ` of at most ${max}`;
}

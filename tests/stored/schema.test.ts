import { expect, test } from "vitest";
import { NewerSchemaError, type Schema, StoredFormError, upgrade, versionOf } from "../../src/stored/schema.ts";

const SCHEMA: Schema = {
  name: "note",
  migrations: [
    ({ text, ...rest }) => ({ ...rest, lines: String(text).split("\n") }),
    ({ lines, ...rest }) => ({ ...rest, lines, numLines: (lines as string[]).length }),
  ],
};

test("every older form is brought up to date by the steps that it lacks", () => {
  expect(versionOf(SCHEMA)).toBe(3);
  const now = { schemaVersion: 3, id: 7, lines: ["a", "b"], numLines: 2 };
  expect(upgrade(SCHEMA, { schemaVersion: 1, id: 7, text: "a\nb" })).toEqual(now);
  expect(upgrade(SCHEMA, { schemaVersion: 2, id: 7, lines: ["a", "b"] })).toEqual(now);
  expect(upgrade(SCHEMA, now)).toEqual(now);
});

test("a newer form is refused, not read in part", () => {
  const refused = () => upgrade(SCHEMA, { schemaVersion: 4, id: 7 });
  expect(refused).toThrow(NewerSchemaError);
  expect(refused).toThrow("note: expected schemaVersion 3 or less, got 4");
});

test.each([[null], ["text"], [[]], [{}], [{ schemaVersion: "1" }], [{ schemaVersion: 0 }], [{ schemaVersion: 1.5 }]])(
  "%j has no form",
  (stored) => {
    expect(() => upgrade(SCHEMA, stored)).toThrow(StoredFormError);
  },
);

// What is kept between visits carries the version of its form. An older form is brought up to date step by step; a newer one,
// which a later version of this page has written, is refused and left as it is. Knows no storage.

/** A form of something that is kept, by its name in messages. */
export interface Schema {
  readonly name: string;
  /** In order: each makes the next version of the one before, from version 1 on. The version that is written is one more
   * than there are. */
  readonly migrations: readonly ((older: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>)[];
}

/** A later version of this page has written it: it must be kept as it is. */
export class NewerSchemaError extends Error {
  override readonly name = "NewerSchemaError";
}

/** What is stored is in no form at all. */
export class StoredFormError extends Error {
  override readonly name = "StoredFormError";
}

/** The version that is written. */
export function versionOf({ migrations }: Schema): number {
  return migrations.length + 1;
}

/** What was stored, in the form of now; its fields are for the caller to check. Throws NewerSchemaError and StoredFormError. */
export function upgrade(schema: Schema, stored: unknown): Readonly<Record<string, unknown>> {
  const { name, migrations } = schema;
  const version = isRecord(stored) ? stored["schemaVersion"] : undefined;
  if (!isRecord(stored) || typeof version !== "number" || !Number.isInteger(version) || version < 1) {
    throw new StoredFormError(`${name}: expected a schemaVersion from 1 on, got ${JSON.stringify(version) ?? "none"}`);
  }
  if (version > versionOf(schema)) {
    throw new NewerSchemaError(`${name}: expected schemaVersion ${versionOf(schema)} or less, got ${version}`);
  }
  const upgraded = migrations.slice(version - 1).reduce((older, migrate) => migrate(older), stored);
  return { ...upgraded, schemaVersion: versionOf(schema) };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

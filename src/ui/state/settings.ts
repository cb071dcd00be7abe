// What a person has chosen for good, kept in the browser's storage. Where that fails, choices hold for this visit.

import { NewerSchemaError, type Schema, upgrade, versionOf } from "../../stored/schema.ts";

export interface Settings {
  /** null: the page's own choice. */
  readonly memoryBudgetBytes: number | null;
}

/** As much of the browser's storage as is needed here. */
export type SettingsStorage = Pick<Storage, "getItem" | "setItem">;

const KEY = "relampago settings";
const SCHEMA: Schema = { name: "settings", migrations: [] };
const NOTHING_CHOSEN: Settings = { memoryBudgetBytes: null };

export interface KeptSettings {
  readonly settings: Settings;
  /** A later version of the page has written others, which stay as they are. */
  readonly isNewer: boolean;
}

export function readSettings(storage: SettingsStorage | null): KeptSettings {
  try {
    const text = storage?.getItem(KEY);
    if (!text) return { settings: NOTHING_CHOSEN, isNewer: false };
    const { memoryBudgetBytes } = upgrade(SCHEMA, JSON.parse(text));
    const isBytes = typeof memoryBudgetBytes === "number" && memoryBudgetBytes > 0;
    return { settings: { memoryBudgetBytes: isBytes ? memoryBudgetBytes : null }, isNewer: false };
  } catch (error) {
    return { settings: NOTHING_CHOSEN, isNewer: error instanceof NewerSchemaError };
  }
}

/** Returns whether it will be there at the next visit. */
export function writeSettings(storage: SettingsStorage | null, settings: Settings): boolean {
  if (!storage || readSettings(storage).isNewer) return false;
  try {
    storage.setItem(KEY, JSON.stringify({ schemaVersion: versionOf(SCHEMA), ...settings }));
    return true;
  } catch {
    return false;
  }
}

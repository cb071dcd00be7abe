// Kept files in Cache Storage, where there is no private file system. An entry is put there whole or not at all.

import type { KeptFiles } from "./kept-files.ts";

/** Entries are found by address; this one belongs to nobody. */
const ADDRESS = "https://kept.invalid/";

/** undefined: the browser has no Cache Storage. Throws what it throws, SecurityError in some private windows. */
export async function openCachedFiles(folder: string): Promise<KeptFiles | undefined> {
  return typeof caches === "undefined" ? undefined : createCachedFiles(await caches.open(`weights ${folder}`));
}

export function createCachedFiles(cache: Cache): KeptFiles {
  return {
    read: async (name) => {
      const entry = await cache.match(ADDRESS + name);
      return entry && new Uint8Array(await entry.arrayBuffer());
    },
    write: (name, bytes) => cache.put(ADDRESS + name, new Response(bytes as Uint8Array<ArrayBuffer>)),
    delete: async (name) => {
      await cache.delete(ADDRESS + name);
    },
    names: async () => (await cache.keys()).map(({ url }) => url.slice(ADDRESS.length)),
  };
}

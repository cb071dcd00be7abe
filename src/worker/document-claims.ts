// Documents in storage that this page has for itself, so that no two pages write one.

import { DocumentError } from "../document/document-error.ts";
import type { StorePorts } from "../store/weight-store.ts";

export class DocumentClaims {
  readonly #locks: StorePorts["locks"];
  /** How to let go of each, and how often it was claimed, by id. */
  readonly #claims = new Map<string, { readonly letGo: () => void; count: number }>();

  /** @param locks of all pages; undefined: the browser has none, and nobody is asked */
  constructor(locks: StorePorts["locks"]) {
    this.#locks = locks;
  }

  /** As often as one likes; each claim is to be released. Throws DocumentError when another page has it. */
  async claim(id: string, name: string): Promise<void> {
    const own = this.#claims.get(id);
    if (own) own.count += 1;
    if (own || !this.#locks) return;
    const locks = this.#locks;
    const isClaimed = await new Promise<boolean>((resolve, reject) => {
      const hold = (lock: Lock | null): Promise<void> | undefined => {
        if (!lock) return void resolve(false);
        return new Promise((letGo) => {
          this.#claims.set(id, { letGo, count: 1 });
          resolve(true);
        });
      };
      locks.request(`document ${id}`, { ifAvailable: true }, hold).catch(reject);
    });
    if (!isClaimed) throw new DocumentError(`${name}: expected a document that no other tab has open, got one that is`);
  }

  release(id: string): void {
    const own = this.#claims.get(id);
    if (!own || --own.count > 0) return;
    own.letGo();
    this.#claims.delete(id);
  }

  /** Changes a document. Throws DocumentError when another page has it. */
  async during(id: string, name: string, change: () => Promise<void>): Promise<void> {
    await this.claim(id, name);
    try {
      await change();
    } finally {
      this.release(id);
    }
  }
}

// Documents in storage that this page has for itself, so that no two pages write one.

import { DocumentError } from "../document/document-error.ts";
import type { StorePorts } from "../store/weight-store.ts";

interface Claim {
  /** How often it was claimed; 0: it is being let go. */
  count: number;
  readonly isGranted: Promise<boolean>;
  readonly letGo: () => void;
  /** Once the lock is free. */
  readonly isOver: Promise<void>;
}

export class DocumentClaims {
  readonly #locks: StorePorts["locks"];
  /** By id. */
  readonly #claims = new Map<string, Claim>();

  /** @param locks of all pages; undefined: the browser has none, and nobody is asked */
  constructor(locks: StorePorts["locks"]) {
    this.#locks = locks;
  }

  /** As often as one likes; each claim is to be released. Throws DocumentError when another page has it. */
  async claim(id: string, name: string): Promise<void> {
    if (!this.#locks) return;
    let claim = this.#claims.get(id);
    // The lock is the browser's again a moment after it was let go.
    while (claim?.count === 0) {
      await claim.isOver;
      claim = this.#claims.get(id);
    }
    if (!claim) this.#claims.set(id, (claim = request(this.#locks, id)));
    claim.count += 1;
    let isGranted = false;
    try {
      isGranted = await claim.isGranted;
    } finally {
      if (!isGranted) this.#claims.delete(id);
    }
    if (!isGranted) throw new DocumentError(`${name}: expected a document that no other tab has open, got one that is`);
  }

  release(id: string): void {
    const claim = this.#claims.get(id);
    if (!claim || claim.count === 0 || --claim.count > 0) return;
    claim.letGo();
    void claim.isOver.then(() => this.#claims.delete(id));
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

function request(locks: NonNullable<StorePorts["locks"]>, id: string): Claim {
  let letGo = (): void => {};
  let grant: (isGranted: boolean | Promise<never>) => void = () => {};
  const isGranted = new Promise<boolean>((resolve) => (grant = resolve));
  const held = new Promise<void>((resolve) => (letGo = resolve));
  const isOver = locks.request(`document ${id}`, { ifAvailable: true }, async (lock) => {
    grant(lock !== null);
    if (lock) await held;
  });
  // Locks that the browser refuses are an error of whoever claims.
  isOver.catch((error: unknown) => grant(Promise.reject(error)));
  return { count: 0, isGranted, letGo, isOver };
}

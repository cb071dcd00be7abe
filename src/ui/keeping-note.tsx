// Says when the model will have to be downloaded again at the next visit; silent where it is kept.

import { KEEPING_TEXTS } from "./state/download-texts.ts";
import type { Page } from "./state/page.ts";

export function KeepingNote({ page }: { page: Page }) {
  const keeping = page.lifeCycle.keeping.value;
  return keeping === null || keeping === "kept" ? null : <p class="honesty">{KEEPING_TEXTS[keeping]}</p>;
}

// Says that the page is open in other tabs too, which doubles what it takes of the GPU's memory; silent otherwise.

import type { Page } from "./state/page.ts";

export function OtherTabsNote({ page }: { page: Page }) {
  const numOthers = page.numOtherTabs.value;
  if (numOthers === 0) return null;
  const where = numOthers === 1 ? "another tab" : `${numOthers} other tabs`;
  return (
    <p class="honesty" role="note">
      Relampago runs in {where}; each holds the model in GPU memory.
    </p>
  );
}

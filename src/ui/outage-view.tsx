// A GPU that failed: a quiet line while it is brought back, and the choices when that has been given up.

import { FailureView } from "./failure-view.tsx";
import { outageText } from "./state/outage-texts.ts";
import type { Page } from "./state/page.ts";

export function OutageView({ page }: { page: Page }) {
  const outage = page.lifeCycle.outage.value;
  if (!outage) return null;
  if (outage.state === "given-up") {
    return (
      <FailureView
        page={page}
        failure={outage.failure}
        onRetry={() => page.resumeGpu("same")}
        choices={[{ label: "Try with smaller blocks", onChoose: () => page.resumeGpu("smaller") }]}
      />
    );
  }
  return (
    <p class="notice outage">
      <span class="outage-mark" aria-hidden="true" />
      <span>{outageText(outage.failure)} What was written stays, and it goes on by itself.</span>
    </p>
  );
}

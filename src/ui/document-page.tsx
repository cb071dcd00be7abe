// The long document: something to read, what reading takes, the reading itself with its charts, and questions about it.

import { useEffect } from "preact/hooks";
import type { ReadyModel } from "../worker/messages-model.ts";
import { DocumentCharts } from "./document-charts.tsx";
import { DocumentPlan } from "./document-plan.tsx";
import { DocumentQuestions } from "./document-questions.tsx";
import { DocumentReading } from "./document-reading.tsx";
import { DocumentSource } from "./document-source.tsx";
import { LoadFailure } from "./failure-view.tsx";
import { OutageView } from "./outage-view.tsx";
import { formatCount } from "./quantities.ts";
import type { Page } from "./state/page.ts";
import { useWakeLock } from "./wake-lock.ts";
import { Welcome } from "./welcome.tsx";

/** Reading goes on behind other windows unless the person wishes otherwise. */
function useHiding(page: Page): void {
  useEffect(() => {
    const tell = (): void => page.document.setHidden(document.visibilityState === "hidden");
    document.addEventListener("visibilitychange", tell);
    return () => document.removeEventListener("visibilitychange", tell);
  }, [page]);
}

/** What is not kept is gone when it is closed. */
function Keep({ page, name }: { page: Page; name: string }) {
  const { phase, isKept, keep, kept } = page.document;
  const { state } = phase.value;
  if ((state !== "read" && state !== "paused") || kept.value === null) return null;
  if (isKept.value) return <span class="document-muted">Kept in this browser</span>;
  return (
    <button class="button" type="button" onClick={() => keep(name)}>
      Keep
    </button>
  );
}

function Head({ page }: { page: Page }) {
  const outline = page.document.outline.value;
  if (!outline) return null;
  return (
    <div class="document-head">
      <div>
        <h2>{outline.name}</h2>
        <p class="measure document-muted">
          {formatCount(outline.numTokens)} tokens, {formatCount(outline.numChars)} characters
        </p>
      </div>
      <div class="document-actions">
        <Keep page={page} name={outline.name} />
        <button class="button" type="button" onClick={page.document.close}>
          Close
        </button>
      </div>
    </div>
  );
}

function Opened({ page, model }: { page: Page; model: ReadyModel }) {
  const { state } = page.document.phase.value;
  return (
    <>
      <Head page={page} />
      {page.document.problem.value && (
        <p class="notice" role="alert">
          <span>{page.document.problem}</span>
        </p>
      )}
      {state === "ready" ? (
        <DocumentPlan page={page} model={model} />
      ) : (
        <>
          <DocumentReading page={page} />
          <DocumentCharts page={page} model={model} />
          {(state === "read" || (state === "paused" && page.document.progress.value.readTokens > 0)) && (
            <DocumentQuestions page={page} model={model} />
          )}
        </>
      )}
    </>
  );
}

export function DocumentPage({ page }: { page: Page }) {
  useHiding(page);
  useWakeLock(page.document.phase.value.state === "reading");
  const cycle = page.lifeCycle.current.value;
  const model = page.lifeCycle.model.value;
  if (cycle.state === "failed") {
    return (
      <main class="page">
        <LoadFailure page={page} failure={cycle.failure} />
      </main>
    );
  }
  if (!model) {
    return (
      <main class="page">
        <Welcome page={page} />
      </main>
    );
  }
  return (
    <main class="page document">
      <OutageView page={page} />
      {page.document.outline.value ? (
        <Opened page={page} model={model} />
      ) : (
        <DocumentSource page={page} model={model} />
      )}
    </main>
  );
}

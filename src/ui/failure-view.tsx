// A failure, in words: what it means, what to do, which browsers work, and a way to try again.

import type { Failure, MemoryNeed } from "../worker/messages-engine.ts";
import { CopyText } from "./copy-text.tsx";
import { FAILURE_TEXTS, WEBGPU_BROWSERS } from "./failure-texts.ts";
import { WarningIcon } from "./icons.tsx";
import { formatBytes } from "./quantities.ts";
import type { Page } from "./state/page.ts";

/** Something else than trying the same again. */
export interface Choice {
  readonly label: string;
  readonly onChoose: () => void;
}

interface FailureProps {
  readonly page: Page;
  readonly failure: Failure;
  readonly onRetry: () => void;
  readonly choices?: readonly Choice[];
}

/** A load that failed; where memory was short, with less or more of it. */
export function LoadFailure({ page, failure }: { page: Page; failure: Failure }) {
  return <FailureView page={page} failure={failure} onRetry={page.start} choices={memoryChoices(page, failure)} />;
}

/** The next budget that holds what is needed, in whole steps of 64 MB. */
const BUDGET_STEP_BYTES = 64e6;

function memoryChoices(page: Page, { kind, memory }: Failure): Choice[] {
  const choices: Choice[] = [];
  if (memory) {
    const bytes = Math.ceil((memory.usedBytes + memory.neededBytes) / BUDGET_STEP_BYTES) * BUDGET_STEP_BYTES;
    const allow = (): void => {
      page.memory.setBudget(bytes);
      page.start();
    };
    choices.push({ label: `Allow ${formatBytes(bytes)}`, onChoose: allow });
  }
  const isText = memory ? memory.what !== "model" : kind === "out-of-memory";
  if (isText) choices.push({ label: "With a shorter conversation", onChoose: page.startShorter });
  return choices;
}

function describeNeed({ what, neededBytes, usedBytes, budgetBytes }: MemoryNeed): string {
  const needed = `${what === "model" ? "The model" : "The conversation"} needs about ${formatBytes(neededBytes)}`;
  return `${needed}; ${formatBytes(usedBytes)} of the ${formatBytes(budgetBytes)} that this page may take are in use.`;
}

export function FailureView({ page, failure, onRetry, choices = [] }: FailureProps) {
  const { title, advice, namesBrowsers, retry } = FAILURE_TEXTS[failure.kind];
  return (
    <section class="failure" role="alert">
      <h2>
        <WarningIcon />
        {title}
      </h2>
      {failure.memory && <p>{describeNeed(failure.memory)}</p>}
      {advice.map((paragraph) => (
        <p key={paragraph}>{paragraph}</p>
      ))}
      {namesBrowsers && (
        <dl class="facts" aria-label="Browsers that have WebGPU">
          {WEBGPU_BROWSERS.map(({ browser, where }) => [
            <dt key={browser}>{browser}</dt>,
            <dd key={where}>{where}</dd>,
          ])}
        </dl>
      )}
      <div class="failure-choices">
        {retry && (
          <button class="button button-primary" type="button" onClick={onRetry}>
            {retry}
          </button>
        )}
        {choices.map(({ label, onChoose }) => (
          <button key={label} class="button" type="button" onClick={onChoose}>
            {label}
          </button>
        ))}
        <CopyText label="Copy report" done="Copied: no text of yours is in it." text={page.report} />
      </div>
      <p class="failure-detail">{failure.message}</p>
    </section>
  );
}

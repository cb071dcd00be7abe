// A failure, in words: what it means, what to do, which browsers work, and a way to try again.

import type { Failure } from "../worker/messages-engine.ts";
import { FAILURE_TEXTS, WEBGPU_BROWSERS } from "./failure-texts.ts";
import { WarningIcon } from "./icons.tsx";

interface Choices {
  readonly failure: Failure;
  readonly onRetry: () => void;
  /** Where asking less of the GPU may help. */
  readonly onSmallerBlocks?: () => void;
}

export function FailureView({ failure, onRetry, onSmallerBlocks }: Choices) {
  const { title, advice, namesBrowsers, retry } = FAILURE_TEXTS[failure.kind];
  return (
    <section class="failure" role="alert">
      <h2>
        <WarningIcon />
        {title}
      </h2>
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
      {retry && (
        <div class="failure-choices">
          <button class="button button-primary" type="button" onClick={onRetry}>
            {retry}
          </button>
          {onSmallerBlocks && (
            <button class="button" type="button" onClick={onSmallerBlocks}>
              Try with smaller blocks
            </button>
          )}
        </div>
      )}
      <p class="failure-detail">{failure.message}</p>
    </section>
  );
}

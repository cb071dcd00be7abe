// Where a document comes from: pasted, dropped, opened, or a sample that is written on the spot.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { ReadyModel } from "../worker/messages-model.ts";
import { KeptDocuments } from "./kept-documents.tsx";
import { formatCount } from "./quantities.ts";
import { describeRecall } from "./recall-text.ts";
import type { Page } from "./state/page.ts";

const ACCEPTED_FILES = ".txt,.md,.markdown,.html,.htm,.pdf,text/*,application/pdf";

const SAMPLE_LENGTHS = [1024, 4096, 16_384, 65_536, 262_144, 1_048_576];
/** Where the facts of a sample are hidden. */
const SAMPLE_DEPTHS = [0.1, 0.3, 0.5, 0.7, 0.9];

function openFile(page: Page, file: File | undefined): void {
  if (file) page.document.open({ kind: "file", name: file.name, file });
}

function OwnText({ page }: { page: Page }) {
  const picker = useRef<HTMLInputElement>(null);
  const isOver = useSignal(false);
  const { pasted } = page.document;
  const open = (): void => page.document.open({ kind: "text", name: "Pasted text", text: pasted.value });
  return (
    <section
      class={isOver.value ? "card card-over" : "card"}
      aria-labelledby="own-text"
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => {
        isOver.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        openFile(page, event.dataTransfer?.files[0]);
      }}
    >
      <h3 id="own-text">Your text</h3>
      <label class="visually-hidden" for="pasted-text">
        Text to read
      </label>
      <textarea
        id="pasted-text"
        class="document-paste"
        rows={7}
        placeholder="Paste a text here, or drop a file: plain text, Markdown, HTML or PDF"
        value={pasted}
        onInput={(event) => {
          pasted.value = event.currentTarget.value;
        }}
      />
      <div class="document-actions">
        <button class="button button-primary" type="button" disabled={pasted.value.trim() === ""} onClick={open}>
          Open this text
        </button>
        <button class="button" type="button" onClick={() => picker.current?.click()}>
          Choose a file…
        </button>
        <input
          ref={picker}
          type="file"
          hidden
          accept={ACCEPTED_FILES}
          aria-label="A file to read"
          onChange={(event) => openFile(page, event.currentTarget.files?.[0])}
        />
      </div>
    </section>
  );
}

function Sample({ page }: { page: Page }) {
  const { sampleTokens } = page.document;
  const write = (): void => {
    const seed = page.randomSeed() % 10_000;
    page.document.open({ kind: "sample", seed, numTokens: sampleTokens.value, depths: SAMPLE_DEPTHS });
  };
  return (
    <section class="card" aria-labelledby="sample-text">
      <h3 id="sample-text">A sample</h3>
      <p>
        The chronicle of an invented valley, written on the spot, with {SAMPLE_DEPTHS.length} facts hidden in it. When
        it is read you can ask for them, and see whether the answers are right.
      </p>
      <label class="document-choice">
        <span>Length</span>
        <select
          value={String(sampleTokens.value)}
          onChange={(event) => {
            sampleTokens.value = Number(event.currentTarget.value);
          }}
        >
          {SAMPLE_LENGTHS.map((length) => (
            <option key={length} value={String(length)}>
              about {formatCount(length)} tokens
            </option>
          ))}
        </select>
      </label>
      <div class="document-actions">
        <button class="button button-primary" type="button" onClick={write}>
          Write a sample
        </button>
      </div>
    </section>
  );
}

function Counting({ page }: { page: Page }) {
  const phase = page.document.phase.value;
  if (phase.state !== "counting") return null;
  const { numTokens, numChars } = phase;
  return (
    <div class="document-counting">
      <progress class="bar" aria-label="Counting tokens" />
      <p class="measure">
        {numTokens === 0
          ? "Opening the text"
          : `Counting: ${formatCount(numTokens)} tokens in ${formatCount(numChars)} characters`}
      </p>
      <button class="button" type="button" onClick={page.document.close}>
        Cancel
      </button>
    </div>
  );
}

export function DocumentSource({ page, model }: { page: Page; model: ReadyModel }) {
  const isCounting = page.document.phase.value.state === "counting";
  const problem = page.document.problem.value;
  const { numLightningLayers, numLayers, trainedContextLength } = model;
  return (
    <>
      <div class="document-intro">
        <h2 class="lede">A long text, read into a state that never grows.</h2>
        <p>
          {numLightningLayers} of the model’s {numLayers} layers remember a text of any length in a state of fixed size.
          Open something long, watch every byte on your GPU while it is read, and ask about it. Nothing leaves this
          page.
        </p>
        {trainedContextLength !== null && (
          <p class="document-muted">
            The memory is the demonstration. This small model was trained on texts of up to{" "}
            {formatCount(trainedContextLength)} tokens; it reads longer ones, but finds less and less in them.{" "}
            {describeRecall(model.recall)}
          </p>
        )}
      </div>
      {problem && (
        <p class="notice" role="alert">
          <span>{problem}</span>
        </p>
      )}
      {isCounting ? (
        <Counting page={page} />
      ) : (
        <>
          <div class="document-sources">
            <OwnText page={page} />
            <Sample page={page} />
          </div>
          <KeptDocuments page={page} />
        </>
      )}
    </>
  );
}

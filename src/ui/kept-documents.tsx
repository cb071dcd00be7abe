// Documents that the browser keeps: open, rename, delete, take away as a file, bring back from one.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { KeptDocument } from "../worker/messages-document.ts";
import { saveFile } from "./charts/chart-picture.ts";
import { formatBytes, formatCount } from "./quantities.ts";
import type { Page } from "./state/page.ts";

const EXPORT_SUFFIX = ".relampago";

const dates = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

function describe({ numTokens, readTokens, createdMs, modelName, sizeBytes, keyWindow, isKept }: KeptDocument): string {
  const read =
    readTokens < numTokens
      ? `${formatCount(readTokens)} of ${formatCount(numTokens)} tokens read`
      : `${formatCount(numTokens)} tokens`;
  const parts = [read, formatBytes(sizeBytes), modelName, dates.format(createdMs)];
  if (keyWindow) parts.push("constant memory");
  if (!isKept) parts.push("not kept: goes after a day");
  return parts.join(" · ");
}

function Row({ page, kept }: { page: Page; kept: KeptDocument }) {
  const { restore, rename, remove, exportFile } = page.document;
  const isRenaming = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  const { id, name, fitsModel } = kept;
  return (
    <li class="kept">
      <div>
        {isRenaming.value ? (
          <form
            class="document-actions"
            onSubmit={(event) => {
              event.preventDefault();
              rename(id, field.current!.value);
              isRenaming.value = false;
            }}
          >
            <input class="kept-name" ref={field} aria-label="Name" defaultValue={name} autoFocus />
            <button class="button" type="submit">
              Rename
            </button>
          </form>
        ) : (
          <strong>{name}</strong>
        )}
        <p class="measure document-muted">{describe(kept)}</p>
        {!fitsModel && <p class="document-muted">Read by another model: it cannot be opened with this one.</p>}
      </div>
      <div class="document-actions">
        <button class="button" type="button" disabled={!fitsModel} onClick={() => restore(id)}>
          Open<span class="visually-hidden">: {name}</span>
        </button>
        <button
          class="foot-button"
          type="button"
          onClick={() => {
            isRenaming.value = !isRenaming.value;
          }}
        >
          Rename<span class="visually-hidden">: {name}</span>
        </button>
        <button class="foot-button" type="button" onClick={() => exportFile(id)}>
          Export<span class="visually-hidden">: {name}</span>
        </button>
        <button class="foot-button" type="button" onClick={() => remove(id)}>
          Delete<span class="visually-hidden">: {name}</span>
        </button>
      </div>
    </li>
  );
}

/** Hands over a file that the worker has made. */
function useExports(page: Page): void {
  const { exported } = page.document;
  const file = exported.value;
  useEffect(() => {
    if (!file) return;
    saveFile(`${file.name.replace(/[^\p{L}\p{N} .-]+/gu, "_")}${EXPORT_SUFFIX}`, file.content);
    exported.value = null;
  }, [file, exported]);
}

export function KeptDocuments({ page }: { page: Page }) {
  const { kept, list, importFile } = page.document;
  const picker = useRef<HTMLInputElement>(null);
  useExports(page);
  useEffect(list, []);
  const documents = kept.value;
  if (documents === "untold" || documents === null) return null;
  return (
    <section class="document-kept" aria-labelledby="kept-documents">
      <div class="document-head">
        <h3 id="kept-documents">Kept in this browser</h3>
        <button class="foot-button" type="button" onClick={() => picker.current?.click()}>
          Import…
        </button>
        <input
          ref={picker}
          type="file"
          hidden
          accept={EXPORT_SUFFIX}
          aria-label="An exported document"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) importFile(file);
            event.currentTarget.value = "";
          }}
        />
      </div>
      {documents.length === 0 ? (
        <p class="document-muted">Nothing yet. A document that you keep is never read again.</p>
      ) : (
        <ul>
          {documents.map((document) => (
            <Row key={document.id} page={page} kept={document} />
          ))}
        </ul>
      )}
    </section>
  );
}

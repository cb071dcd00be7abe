// A button that copies a text, and shows it where the browser does not let the page copy.

import { useState } from "preact/hooks";

interface CopyProps {
  readonly label: string;
  /** Said once it is done. */
  readonly done: string;
  readonly text: () => string;
}

export function CopyText({ label, done, text }: CopyProps) {
  const [outcome, setOutcome] = useState<"none" | "copied" | "refused">("none");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text());
      setOutcome("copied");
    } catch {
      setOutcome("refused");
    }
  };
  return (
    <div class="copy">
      <button class="button" type="button" onClick={() => void copy()}>
        {label}
      </button>
      <span role="status">{outcome === "copied" && done}</span>
      {outcome === "refused" && (
        <label>
          The browser does not let the page copy; here is the text:
          <textarea readOnly rows={8} value={text()} />
        </label>
      )}
    </div>
  );
}

// A text as tokens, each filled by how much the chosen one takes from it: from below what is added, from above what is
// subtracted. One stop for the keyboard; arrow keys choose.

import { useRef } from "preact/hooks";

interface TokenStripProps {
  readonly tokens: readonly string[];
  /** Of the chosen token: (chosen + 1); null while there are none. */
  readonly weights: Float32Array | null;
  readonly onChoose: (token: number) => void;
}

export function TokenStrip({ tokens, weights, onChoose }: TokenStripProps) {
  const strip = useRef<HTMLDivElement>(null);
  const chosen = weights === null ? -1 : weights.length - 1;
  const largest = weights?.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) || 1;
  const move = (event: KeyboardEvent): void => {
    const last = tokens.length - 1;
    const targets: Record<string, number> = {
      ArrowLeft: chosen - 1,
      ArrowRight: chosen + 1,
      ArrowUp: chosen - 10,
      ArrowDown: chosen + 10,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    onChoose(Math.min(last, Math.max(0, target)));
  };
  return (
    <div
      ref={strip}
      class="token-strip"
      role="group"
      aria-label="Tokens: arrow keys choose one"
      tabIndex={0}
      onKeyDown={move}
    >
      {tokens.map((token, index) => {
        const share = index <= chosen ? weights![index]! / largest : 0;
        return (
          <span
            key={index}
            class={`token${index === chosen ? " token-chosen" : ""}${index > chosen ? " token-later" : ""}`}
            data-sign={share < 0 ? "minus" : "plus"}
            style={{ "--share": `${(100 * Math.abs(share)).toFixed(1)}%` }}
            onClick={() => onChoose(index)}
          >
            {token.replace(/\n/g, "⏎")}
          </span>
        );
      })}
    </div>
  );
}

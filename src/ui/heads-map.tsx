// What the chosen token takes from each before it, all heads of a layer at once: a row a head, a bar a token, from the row's
// foot what is added, from its top what is subtracted, relative to the head's largest.

const WIDTH = 1000;
const ROW_HEIGHT = 44;
const ROW_GAP = 8;
const LABEL_WIDTH = 64;

interface HeadsMapProps {
  readonly id: string;
  readonly label: string;
  readonly numHeads: number;
  readonly numTokens: number;
  /** (num_heads, token + 1) */
  readonly weights: Float32Array;
  readonly chosenHead: number;
}

export function HeadsMap({ id, label, numHeads, numTokens, weights, chosenHead }: HeadsMapProps) {
  const numWeights = weights.length / numHeads;
  const barWidth = (WIDTH - LABEL_WIDTH) / numTokens;
  const height = numHeads * (ROW_HEIGHT + ROW_GAP);
  return (
    <svg id={id} class="heads-map" viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={label}>
      {Array.from({ length: numHeads }, (_, head) => {
        const own = weights.subarray(head * numWeights, (head + 1) * numWeights);
        const largest = own.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) || 1;
        const top = head * (ROW_HEIGHT + ROW_GAP);
        return (
          <g key={head}>
            <text x="0" y={top + ROW_HEIGHT / 2 + 4} font-weight={head === chosenHead ? "700" : "400"}>
              head {head + 1}
            </text>
            <path d={`M${LABEL_WIDTH} ${top + ROW_HEIGHT}H${WIDTH}`} stroke="var(--rule)" />
            {Array.from(own, (weight, token) => {
              const barHeight = (Math.abs(weight) / largest) * ROW_HEIGHT;
              const y = weight < 0 ? top : top + ROW_HEIGHT - barHeight;
              return (
                <rect
                  key={token}
                  x={LABEL_WIDTH + token * barWidth}
                  y={y}
                  width={Math.max(0.5, barWidth - 0.5)}
                  height={barHeight}
                  fill={weight < 0 ? "var(--line-2)" : "var(--accent-ink)"}
                />
              );
            })}
          </g>
        );
      })}
    </svg>
  );
}

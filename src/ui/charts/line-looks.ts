// How lines are told apart without colour: a dash and a marker each. Drawn the same on the chart, in its legend and in a
// saved picture.

export type Marker = "circle" | "square" | "triangle" | "diamond" | "cross" | "plus";

export interface LineLook {
  /** A custom property of the page. */
  readonly color: string;
  /** CSS pixels, drawn and left out in turn; empty: solid. */
  readonly dash: readonly number[];
  readonly marker: Marker;
}

/** Chosen by a line's index; more lines than looks begin again. */
export const LINE_LOOKS: readonly LineLook[] = [
  { color: "--line-1", dash: [], marker: "circle" },
  { color: "--line-2", dash: [10, 4], marker: "square" },
  { color: "--line-3", dash: [5, 3], marker: "triangle" },
  { color: "--line-4", dash: [12, 3, 2, 3], marker: "diamond" },
  { color: "--line-5", dash: [], marker: "cross" },
  { color: "--line-6", dash: [6, 6], marker: "plus" },
];

/** measured: a line with markers; computed: dotted, since nobody measured it; allocated: thin and in steps. */
export type LineKind = "measured" | "computed" | "allocated";

/** How a line of this look and kind is drawn, in CSS pixels. */
export interface LineStyle {
  readonly color: string;
  readonly dash: readonly number[];
  readonly width: number;
  readonly marker: Marker | null;
}

export function styleOf(look: number, kind: LineKind): LineStyle {
  const { color, dash, marker } = LINE_LOOKS[look % LINE_LOOKS.length];
  switch (kind) {
    case "measured":
      return { color, dash, width: 2, marker };
    case "computed":
      return { color, dash: [1.5, 4], width: 2, marker: null };
    case "allocated":
      return { color, dash: [], width: 1, marker: null };
  }
}

/** The outline of a marker about (0, 0), within 2 · radius; as SVG writes paths, which canvases take too. */
export function markerPath(marker: Marker, radius: number): string {
  const [full, most, half] = [radius, radius * 0.87, radius * 0.5];
  switch (marker) {
    case "circle":
      return `M${-most} 0a${most} ${most} 0 1 0 ${2 * most} 0a${most} ${most} 0 1 0 ${-2 * most} 0Z`;
    case "square":
      return `M${-most} ${-most}H${most}V${most}H${-most}Z`;
    case "triangle":
      return `M0 ${-full}L${full} ${most}H${-full}Z`;
    case "diamond":
      return `M0 ${-full - half / 2}L${full} 0L0 ${full + half / 2}L${-full} 0Z`;
    case "cross":
      return `M${-most} ${-most}L${most} ${most}M${most} ${-most}L${-most} ${most}`;
    case "plus":
      return `M${-full} 0H${full}M0 ${-full}V${full}`;
  }
}

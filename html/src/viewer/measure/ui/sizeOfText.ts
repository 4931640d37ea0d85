export const FONT = "600 12px 'Inter Variable', system-ui, sans-serif";
/** Where there is no canvas to ask. */
const ABOUT_PX = 7;

const widths = new Map<string, number>();
let pen: CanvasRenderingContext2D | null | undefined;

/** Width of a line of a label, pixels of the interface. */
export function sizeOfText(text: string): number {
  const known = widths.get(text);
  if (known !== undefined) return known;
  if (pen === undefined) {
    pen = typeof OffscreenCanvas === 'undefined' ? null : (document.createElement('canvas').getContext('2d') ?? null);
    if (pen !== null) pen.font = FONT;
  }
  const width = pen === null ? text.length * ABOUT_PX : pen.measureText(text).width;
  if (widths.size > 2000) widths.clear();
  widths.set(text, width);
  return width;
}

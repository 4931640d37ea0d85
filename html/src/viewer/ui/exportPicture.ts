/** The window as it is seen, with what stands on it, as a PNG. Made in the browser: what was painted is what is saved. */

import type { CellController } from '../control/cell';
import { asShown, type CellState, resolvePlacement } from '../control/cellState';
import { scaleBar } from '../model/scaleBar';
import { frameAt, lettersOf } from '../model/series';
import { type CornerContext, cornerTexts } from './corners';
import { barBottom, barLabel, barPath } from './Overlay';

const MARGIN = 12;
const LINE = 17;

/**
 * @param marks draws what the doctor put on the picture, in pixels of the interface
 * @returns the picture, null when there is none to save
 */
export async function pictureOf(
  cell: CellController,
  canvas: HTMLCanvasElement,
  context: CornerContext,
  marks: (pen: CanvasRenderingContext2D) => void = () => undefined,
): Promise<Blob | null> {
  const { state } = cell;
  if (state.shown === null || canvas.width < 1) return null;
  const out = document.createElement('canvas');
  out.width = state.canvas.widthPx;
  out.height = state.canvas.heightPx;
  const pen = out.getContext('2d');
  if (pen === null) return null;
  pen.drawImage(canvas, 0, 0, out.width, out.height);
  pen.scale(state.canvas.perCss, state.canvas.perCss);
  drawOverlay(pen, state, context);
  marks(pen);
  return new Promise((resolve) => out.toBlob(resolve, 'image/png'));
}

function drawOverlay(pen: CanvasRenderingContext2D, state: CellState, context: CornerContext): void {
  const width = state.canvas.widthPx / state.canvas.perCss;
  const height = state.canvas.heightPx / state.canvas.perCss;
  const corners = cornerTexts(state, { ...context, compact: false, room: { width, height } });
  const write = (text: string, x: number, y: number, align: CanvasTextAlign, weight = 500, size = 12): void => {
    pen.font = `${weight} ${size}px 'Inter Variable', system-ui, sans-serif`;
    pen.textAlign = align;
    pen.textBaseline = 'middle';
    pen.lineJoin = 'round';
    pen.lineWidth = 2.6;
    pen.strokeStyle = 'rgba(0, 0, 0, 0.88)';
    pen.strokeText(text, x, y);
    pen.fillStyle = '#fff';
    pen.fillText(text, x, y);
  };
  const block = (lines: readonly string[], x: number, top: number, align: CanvasTextAlign, strong: boolean): void =>
    lines.forEach((line, index) => write(line, x, top + LINE * (index + 0.5), align, strong && index === 0 ? 600 : 500));
  const below = (lines: readonly string[]): number => height - MARGIN - lines.length * LINE;
  block(corners.topLeft, MARGIN, MARGIN, 'left', true);
  block(corners.topRight, width - MARGIN, MARGIN, 'right', true);
  block(corners.bottomLeft, MARGIN, below(corners.bottomLeft), 'left', false);
  block(corners.bottomRight, width - MARGIN, below(corners.bottomRight), 'right', false);
  if (context.overlay === 'off') return;
  const frame = frameAt(state.detail, asShown(state).reference.image);
  const letters = frame === null ? null : lettersOf(frame, state.presentation);
  if (letters !== null) {
    write(letters.top, width / 2, MARGIN + LINE / 2, 'center', 600, 14);
    write(letters.bottom, width / 2, height - MARGIN - LINE / 2, 'center', 600, 14);
    write(letters.left, MARGIN, height / 2, 'left', 600, 14);
    write(letters.right, width - MARGIN, height / 2, 'right', 600, 14);
  }
  const placement = resolvePlacement(state);
  if (frame === null || placement === null) return;
  const bar = scaleBar(placement.zoom / state.canvas.perCss, frame.pixel_scale ?? null, Math.min(200, height * 0.24));
  if (bar === null) return;
  const path = new Path2D(barPath(bar, 9));
  pen.save();
  const bottom = height - barBottom(corners.bottomRight.length, false);
  pen.translate(width - MARGIN - 9, bottom - 20 - bar.lengthCss);
  pen.strokeStyle = 'rgba(0, 0, 0, 0.88)';
  pen.lineWidth = 4;
  pen.stroke(path);
  pen.strokeStyle = '#fff';
  pen.lineWidth = 1.3;
  pen.stroke(path);
  pen.restore();
  write(barLabel(bar, context.locale, context.t), width - MARGIN, bottom - 6, 'right');
}

/** Hands a file to the browser. The name carries no patient data. */
export function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A window of MPR as it is seen, with what stands on it, as a PNG. Made in the browser: what was painted is what is saved. */

import { planeLetters, type PlaneKind } from '../../model/plane';
import type { MprController } from '../control/mpr';
import { drawnLines } from '../model/lines';
import { planeCorners, type PlaneTextContext } from './texts';

const MARGIN = 12;
const LINE = 17;
const COLOURS: Readonly<Record<PlaneKind, string>> = { axial: '#FF6B6B', coronal: '#5FD38A', sagittal: '#6EA8FF' };

/**
 * @param marks draws what the doctor put on the picture, in pixels of the interface
 * @returns the picture, null when there is none to save
 */
export async function pictureOfPlane(
  mpr: MprController,
  kind: PlaneKind,
  canvas: HTMLCanvasElement,
  context: PlaneTextContext,
  marks: (pen: CanvasRenderingContext2D) => void = () => undefined,
): Promise<Blob | null> {
  const { state } = mpr.cell(kind);
  if (state.shown === null || canvas.width < 1) return null;
  const out = document.createElement('canvas');
  out.width = state.canvas.widthPx;
  out.height = state.canvas.heightPx;
  const pen = out.getContext('2d');
  if (pen === null) return null;
  pen.drawImage(canvas, 0, 0, out.width, out.height);
  pen.scale(state.canvas.perCss, state.canvas.perCss);
  if (context.overlay !== 'off') drawOverlay(pen, mpr, kind, context);
  marks(pen);
  return new Promise((resolve) => out.toBlob(resolve, 'image/png'));
}

function drawOverlay(pen: CanvasRenderingContext2D, mpr: MprController, kind: PlaneKind, context: PlaneTextContext): void {
  const { state } = mpr.cell(kind);
  const { planes, lines, slab, thicknessMm } = mpr.state;
  const width = state.canvas.widthPx / state.canvas.perCss;
  const height = state.canvas.heightPx / state.canvas.perCss;
  const view = mpr.view(kind);
  if (lines && planes !== null && view !== null) {
    const drawn = drawnLines(planes, view, state.canvas.perCss, slab === 'plane' ? null : thicknessMm);
    for (const line of drawn.lines) {
      const stroke = (from: { x: number; y: number }, to: { x: number; y: number }, dash: number[]): void => {
        for (const [colour, thick] of [['rgba(0, 0, 0, 0.88)', 4], [COLOURS[line.kind], 1.4]] as const) {
          if (dash.length > 0 && thick === 4) continue;
          pen.strokeStyle = colour;
          pen.lineWidth = thick;
          pen.setLineDash(dash);
          pen.beginPath();
          pen.moveTo(from.x, from.y);
          pen.lineTo(to.x, to.y);
          pen.stroke();
        }
        pen.setLineDash([]);
      };
      for (const face of line.faces) stroke(face.from, face.to, [1.5, 5]);
      for (const segment of line.segments) stroke(segment.from, segment.to, []);
      write(pen, context.t(`mpr.letter.${line.kind}`), line.badge.x, line.badge.y, 'center', 700, COLOURS[line.kind]);
    }
  }
  const corners = planeCorners(state, view, { ...context, compact: false });
  const block = (texts: readonly string[], x: number, top: number, align: CanvasTextAlign, strong: boolean): void =>
    texts.forEach((text, index) => write(pen, text, x, top + LINE * (index + 0.5), align, strong && index === 0 ? 600 : 500));
  const below = (texts: readonly string[]): number => height - MARGIN - texts.length * LINE;
  block(corners.topLeft, MARGIN, MARGIN, 'left', true);
  block(corners.topRight, width - MARGIN, MARGIN, 'right', true);
  block(corners.bottomLeft, MARGIN, below(corners.bottomLeft), 'left', false);
  block(corners.bottomRight, width - MARGIN, below(corners.bottomRight), 'right', false);
  if (view === null || state.opened?.letters === false) return;
  const letters = planeLetters(view);
  write(pen, letters.top, width / 2, MARGIN + LINE / 2, 'center', 600);
  write(pen, letters.bottom, width / 2, height - MARGIN - LINE / 2, 'center', 600);
  write(pen, letters.left, MARGIN, height / 2, 'left', 600);
  write(pen, letters.right, width - MARGIN, height / 2, 'right', 600);
}

function write(pen: CanvasRenderingContext2D, text: string, x: number, y: number, align: CanvasTextAlign, weight: number, colour = '#fff'): void {
  pen.font = `${weight} 12px 'Inter Variable', system-ui, sans-serif`;
  pen.textAlign = align;
  pen.textBaseline = 'middle';
  pen.lineJoin = 'round';
  pen.lineWidth = 2.6;
  pen.strokeStyle = 'rgba(0, 0, 0, 0.88)';
  pen.strokeText(text, x, y);
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

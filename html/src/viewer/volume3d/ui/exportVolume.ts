/** The volume's window as it is seen, with what stands on it, as a PNG: what was painted is what is saved. */

import type { SceneController } from '../control/scene';
import { canvasAt, mmPerPx } from '../model/camera';
import type { Vector } from '../../model/vector';
import { drawnCamera } from './context';
import { measurementText } from './DrawOverlay';
import { isAtRest, seenNow, type VolumeCornerContext, volumeCorners } from './corners';

const MARGIN = 12;
const LINE = 17;

/** @returns the picture, null when there is none to save */
export async function pictureOfVolume(scene: SceneController, canvas: HTMLCanvasElement, context: VolumeCornerContext): Promise<Blob | null> {
  const { state } = scene.cell;
  if (state.shown === null || canvas.width < 1) return null;
  const out = document.createElement('canvas');
  out.width = state.canvas.widthPx;
  out.height = state.canvas.heightPx;
  const pen = out.getContext('2d');
  if (pen === null) return null;
  pen.drawImage(canvas, 0, 0, out.width, out.height);
  pen.scale(state.canvas.perCss, state.canvas.perCss);
  drawMeasurements(pen, scene, context);
  if (context.overlay !== 'off') drawCorners(pen, scene, context);
  return new Promise((resolve) => out.toBlob(resolve, 'image/png'));
}

function write(pen: CanvasRenderingContext2D, text: string, x: number, y: number, align: CanvasTextAlign, weight = 500, colour = '#fff'): void {
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

function drawCorners(pen: CanvasRenderingContext2D, scene: SceneController, context: VolumeCornerContext): void {
  const { canvas } = scene.cell.state;
  const width = canvas.widthPx / canvas.perCss;
  const height = canvas.heightPx / canvas.perCss;
  const corners = volumeCorners({ ...scene.cell.state, rests: isAtRest(scene.cell.state) }, seenNow(scene.cell.state.shown?.wish?.look ?? null, scene.state.look, scene.state.name), { ...context, compact: false });
  corners.topLeft.forEach((line, index) => write(pen, line, MARGIN, MARGIN + LINE * (index + 0.5), 'left', index === 0 ? 600 : 500));
  corners.topRight.forEach((line, index) => write(pen, line, width - MARGIN, MARGIN + LINE * (index + 0.5), 'right', index === 0 ? 600 : 500));
  const top = height - MARGIN - corners.bottomRight.length * LINE;
  corners.bottomRight.forEach((line, index) => write(pen, line, width - MARGIN, top + LINE * (index + 0.5), 'right'));
}

const MEASUREMENT = '#FFD84D';

function drawMeasurements(pen: CanvasRenderingContext2D, scene: SceneController, { locale, t }: VolumeCornerContext): void {
  const { canvas, shown } = scene.cell.state;
  const camera = drawnCamera(scene.state.camera, shown?.wish?.look.camera ?? null);
  if (camera === null || mmPerPx(camera, canvas) <= 0) return;
  const at = (point: Vector): { x: number; y: number } | null => {
    const seen = canvasAt(camera, canvas, point);
    return seen === null ? null : { x: seen.x / canvas.perCss, y: seen.y / canvas.perCss };
  };
  for (const one of scene.state.measurements) {
    const places = one.points.map(at);
    const first = places[0];
    if (places.includes(null) || first === null || first === undefined) continue;
    for (const [colour, thick] of [['rgba(0, 0, 0, 0.88)', 4], [MEASUREMENT, 1.6]] as const) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.beginPath();
      places.forEach((place, index) => place !== null && (index === 0 ? pen.moveTo(place.x, place.y) : pen.lineTo(place.x, place.y)));
      pen.stroke();
    }
    for (const place of places) {
      if (place === null) continue;
      pen.fillStyle = MEASUREMENT;
      pen.beginPath();
      pen.arc(place.x, place.y, 3.5, 0, 2 * Math.PI);
      pen.fill();
    }
    const label = places[one.kind === 'angle' ? 1 : places.length - 1];
    if (label !== null && label !== undefined) write(pen, measurementText(one, locale, t), label.x + 10, label.y - 10, 'left', 600, MEASUREMENT);
  }
}

/** Measurements on a picture that is saved: what the layer shows, with a pen instead of vectors. */

import type { Point } from '../../model/geometry';
import type { Measures } from '../control/measures';
import { labelBox, LINE_PX, ticks, tie } from '../model/layout';
import type { MeasureSurface } from '../model/place';
import { handles, outlines, perpendiculars } from '../model/shapes';
import { labelOf, type Translate } from '../model/text';
import { FONT, sizeOfText } from './sizeOfText';

const EDGE = 'rgba(0, 0, 0, 0.88)';
const COLOUR = '#FFD84D';
const CAUTION = '#FFC94D';
const CROSS_PX = 6;

/** @param pen in CSS pixels of the window */
export function drawMeasures(pen: CanvasRenderingContext2D, measures: Measures, surface: MeasureSurface, locale: string, t: Translate): void {
  pen.save();
  pen.lineJoin = pen.lineCap = 'round';
  for (const item of measures.shown(surface)) {
    const seen = (point: Point): Point => surface.toCanvas(point, item.place);
    const places = item.points.map(seen);
    const lines = outlines(item.tool, item.points).map((line) => line.map(seen));
    if (item.tool === 'cobb') stroke(pen, perpendiculars(places), true);
    stroke(pen, item.tool === 'point' ? cross(places[0]) : item.tool === 'ruler' ? [...lines, ...ticks(lines[0])] : lines, false);
    const answer = item.answers[surface.basis];
    const said = { tool: item.tool, place: item.place, points: item.points, measured: answer?.measured ?? null, fault: answer?.fault ?? null };
    const { lines: words, cautions } = labelOf(said, surface.cautions, locale, t);
    if (words.length === 0) continue;
    const all = [...words, ...cautions];
    const held = item.tool === 'ellipse' || item.tool === 'rectangle' ? handles(item.tool, item.points).map(seen) : places;
    const box = labelBox(held, item.label, { width: Math.max(...all.map(sizeOfText)), height: all.length * LINE_PX }, surface);
    const tied = tie(box, item.tool === 'point' ? [places] : lines);
    if (tied !== null) stroke(pen, [tied], true);
    pen.font = FONT;
    pen.textAlign = 'left';
    pen.textBaseline = 'alphabetic';
    all.forEach((text, index) => {
      pen.setLineDash([]);
      pen.lineWidth = 2.6;
      pen.strokeStyle = EDGE;
      pen.strokeText(text, box.left + 4, box.top + 13 + index * LINE_PX);
      pen.fillStyle = index < words.length ? COLOUR : CAUTION;
      pen.fillText(text, box.left + 4, box.top + 13 + index * LINE_PX);
    });
  }
  pen.restore();
}

function cross(at: Point | undefined): Point[][] {
  if (at === undefined) return [];
  return [
    [{ x: at.x - CROSS_PX, y: at.y }, { x: at.x + CROSS_PX, y: at.y }],
    [{ x: at.x, y: at.y - CROSS_PX }, { x: at.x, y: at.y + CROSS_PX }],
  ];
}

function stroke(pen: CanvasRenderingContext2D, lines: readonly (readonly Point[])[], dotted: boolean): void {
  for (const [width, colour] of [[dotted ? 3.4 : 4.3, EDGE], [dotted ? 1.2 : 1.7, COLOUR]] as const) {
    pen.beginPath();
    for (const line of lines) line.forEach(({ x, y }, index) => (index === 0 ? pen.moveTo(x, y) : pen.lineTo(x, y)));
    pen.lineWidth = width;
    pen.strokeStyle = colour;
    pen.setLineDash(dotted && colour === COLOUR ? [1.5, 3.5] : []);
    pen.stroke();
  }
}

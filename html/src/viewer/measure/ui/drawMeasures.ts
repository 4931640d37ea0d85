/** Measurements on a picture that is saved: what the layer shows, with a pen instead of vectors. */

import type { Point } from '../../model/geometry';
import type { Measurement, Measures } from '../control/measures';
import { type Box, labelBoxes, LINE_PX, ticks, tie } from '../model/layout';
import type { MeasureSurface } from '../model/place';
import { handles, outlines, perpendiculars } from '../model/shapes';
import { type Label, labelOf, type Translate } from '../model/text';
import { FONT, sizeOfText } from './sizeOfText';

const EDGE = 'rgba(0, 0, 0, 0.88)';
const COLOUR = '#FFD84D';
const CAUTION = '#FFC94D';
const CROSS_PX = 6;

/** @param pen in pixels of the interface of the window */
export function drawMeasures(pen: CanvasRenderingContext2D, measures: Measures, surface: MeasureSurface, locale: string, t: Translate): void {
  pen.save();
  pen.lineJoin = pen.lineCap = 'round';
  const items = measures.shown(surface);
  const boxes = boxesOf(items, surface, locale, t);
  for (const item of items) {
    const seen = (point: Point): Point => surface.toCanvas(point, item.place);
    const places = item.points.map(seen);
    const lines = outlines(item.tool, item.points).map((line) => line.map(seen));
    if (item.tool === 'cobb') stroke(pen, perpendiculars(places), true);
    stroke(pen, item.tool === 'point' ? cross(places[0]) : item.tool === 'ruler' ? [...lines, ...ticks(lines[0])] : lines, false);
    const { lines: words, cautions } = wordsOf(item, surface, locale, t);
    const box = boxes.get(item);
    if (box === undefined) continue;
    const all = [...words, ...cautions];
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

function wordsOf(item: Measurement, surface: MeasureSurface, locale: string, t: Translate): Label {
  const answer = item.answers[surface.basis];
  return labelOf({ tool: item.tool, place: item.place, points: item.points, measured: answer?.measured ?? null, fault: answer?.fault ?? null }, surface.cautions, locale, t);
}

function boxesOf(items: readonly Measurement[], surface: MeasureSurface, locale: string, t: Translate): ReadonlyMap<Measurement, Box> {
  const wanted = items.flatMap((item) => {
    const words = wordsOf(item, surface, locale, t);
    const all = [...words.lines, ...words.cautions];
    if (words.lines.length === 0) return [];
    const held = item.tool === 'ellipse' || item.tool === 'rectangle' ? handles(item.tool, item.points) : item.points;
    const places = held.map((point) => surface.toCanvas(point, item.place));
    const lines = (item.tool === 'point' ? [[...item.points]] : outlines(item.tool, item.points)).map((line) => line.map((point) => surface.toCanvas(point, item.place)));
    return [{ item, places, lines, offset: item.label, size: { width: Math.max(...all.map(sizeOfText)), height: all.length * LINE_PX } }];
  });
  const boxes = labelBoxes(wanted, surface);
  return new Map(wanted.flatMap(({ item }, index): [Measurement, Box][] => (boxes[index] === undefined ? [] : [[item, boxes[index]]])));
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

/** A server that answers by hand, and a surface to draw on: what the tests of measuring share. */

import type { Measure, Measured } from '../../shared/protocol/messages';
import { AskFault, type Answer, type Question } from '../stream/questions';
import { FakeClock, settle } from '../testing/fakes';
import { Measures } from './control/measures';
import { MeasurePointer } from './control/pointer';
import { imageSurface, type MeasureSurface } from './model/place';

export function measured(patch: Partial<Measured> = {}): Measured {
  return {
    type: 'measured',
    cell: 0,
    question: 1,
    length: null,
    area: null,
    angle_deg: null,
    length_unit: 'mm',
    spacing_source: 'patient',
    values: null,
    statistics: null,
    unit: '',
    interpolated: false,
    ...patch,
  };
}

interface Asked {
  cell: number;
  what: Measure;
  key: string;
  answer: (patch?: Partial<Measured>) => Promise<void>;
  refuse: (code: string) => Promise<void>;
}

/** A window of 400 × 300 pixels of the interface that shows image `instance` of 200 × 150 pixels, two to one. */
export function surfaceOf(instance: number | null, cellNumber = 0, zoom = 2): MeasureSurface {
  return imageSurface({
    cellNumber,
    seriesId: 7,
    image: instance === null ? null : { instance_id: instance, frame_number: 1 },
    placement: { zoom, centerX: 100, centerY: 75, rotationDeg: 0, flipHorizontal: false },
    pixelAspect: 1,
    canvas: { widthPx: 400, heightPx: 300, perCss: 1 },
  });
}

export class Desk {
  readonly clock = new FakeClock();
  readonly asked: Asked[] = [];
  readonly measures: Measures;
  readonly pointer: MeasurePointer;
  surface: MeasureSurface | null = surfaceOf(100);

  constructor() {
    let id = 0;
    this.measures = new Measures({
      clock: this.clock,
      newId: () => (id += 1),
      ask: (cell, what, key) =>
        new Promise<Answer>((take, refuse) => {
          this.asked.push({
            cell,
            what: what as Measure & Question,
            key,
            answer: (patch) => {
              take(measured(patch));
              return settle();
            },
            refuse: (code) => {
              refuse(new AskFault(code, code));
              return settle();
            },
          });
        }),
    });
    this.pointer = new MeasurePointer(this.measures, () => this.surface);
  }

  get last(): Asked {
    const found = this.asked.at(-1);
    if (found === undefined) throw new Error('Nothing was asked.');
    return found;
  }
}

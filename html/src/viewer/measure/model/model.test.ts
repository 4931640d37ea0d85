import { describe, expect, it } from 'vitest';
import en from '../../i18n/en.json';
import type { Vector } from '../../model/vector';
import { measured, surfaceOf } from '../testing';
import { labelBox, labelBoxes, tie } from './layout';
import { type Place, planeSurface, type PlaneSurfaceParts, samePlace } from './place';
import { beginsLine, distanceTo, handles, outlines, perpendiculars, withHandle } from './shapes';
import { labelOf, type Translate } from './text';

const close = (one: { x: number; y: number }, other: { x: number; y: number }): void => {
  expect(one.x).toBeCloseTo(other.x, 6);
  expect(one.y).toBeCloseTo(other.y, 6);
};

describe('a surface of an image', () => {
  const surface = surfaceOf(100);
  const place = surface.place as Place;

  it('lays image points as the picture lies, in CSS pixels', () => {
    close(surface.toCanvas({ x: 100, y: 75 }, place), { x: 200, y: 150 });
    close(surface.toCanvas({ x: 101, y: 76 }, place), { x: 202, y: 152 });
    close(surface.fromCanvas({ x: 0, y: 0 }, place), { x: 0, y: 0 });
  });

  it('asks about the image that the shape is on, not the one that is seen', () => {
    const other: Place = { kind: 'image', seriesId: 7, image: { instance_id: 5, frame_number: 3 } };
    expect(surface.question('line', [{ x: 1, y: 2 }, { x: 3, y: 4 }], other)).toEqual({
      kind: 'measure',
      on: { kind: 'image', image: { instance_id: 5, frame_number: 3 } },
      shape: 'line',
      points: [
        [1, 2],
        [3, 4],
      ],
    });
  });

  it('shows what belongs to its image, in every window', () => {
    expect(surfaceOf(100, 3).shows(place)).toBe(true);
    expect(surfaceOf(101).shows(place)).toBe(false);
    expect(surfaceOf(null).shows(place)).toBe(false);
    expect(surfaceOf(null).place).toBeNull();
  });
});

describe('a surface of a plane', () => {
  const parts: PlaneSurfaceParts = {
    cellNumber: 2,
    seriesId: 7,
    volume: 1,
    center: [10, 20, 30],
    right: [1, 0, 0],
    down: [0, 1, 0],
    mmPerCss: 0.5,
    width: 400,
    height: 300,
    stepMm: 2,
    slab: 'mip',
    thicknessMm: 12,
    interpolation: 'trilinear',
    modality: 'CT',
  };
  const surface = planeSurface(parts);
  const place = surface.place as Place;

  it('lays mm of the plane where they are seen, however the window is moved, turned and zoomed since', () => {
    close(surface.toCanvas({ x: 0, y: 0 }, place), { x: 200, y: 150 });
    close(surface.toCanvas({ x: 5, y: -5 }, place), { x: 210, y: 140 });
    const turned = planeSurface({ ...parts, center: [12, 20, 30], right: [0, 1, 0], down: [-1, 0, 0], mmPerCss: 0.25 });
    // LPS (15, 15, 30): 3 mm right of the new middle and 5 mm before it; right is to the back now, down to the right.
    close(turned.toCanvas({ x: 5, y: -5 }, place), { x: 200 - 20, y: 150 - 12 });
    close(turned.fromCanvas({ x: 180, y: 138 }, place), { x: 5, y: -5 });
  });

  it('asks in the frame that the shape was drawn in, with the slab that is seen now', () => {
    const turned = planeSurface({ ...parts, right: [0, 1, 0], down: [-1, 0, 0], slab: 'aip', thicknessMm: 4 });
    expect(turned.question('ellipse', [{ x: 0, y: 0 }, { x: 2, y: 3 }], place).on).toEqual({
      kind: 'plane',
      origin_lps_mm: [10, 20, 30],
      right_lps: [1, 0, 0],
      down_lps: [0, 1, 0],
      slab: 'aip',
      thickness_mm: 4,
      interpolation: 'trilinear',
    });
    expect(turned.basis).not.toBe(surface.basis);
    expect(planeSurface({ ...parts, slab: 'plane' }).basis).toBe(planeSurface({ ...parts, slab: 'plane', thicknessMm: 3 }).basis);
  });

  it('shows a shape as long as the plane is the same within half a voxel', () => {
    const at = (center: Vector, more: Partial<PlaneSurfaceParts> = {}): boolean => planeSurface({ ...parts, center, ...more }).shows(place);
    expect(at([99, -5, 31])).toBe(true);
    expect(at([10, 20, 31.01])).toBe(false);
    expect(at([10, 20, 28.9])).toBe(false);
    expect(at([10, 20, 30], { down: [0, -1, 0] })).toBe(true); // seen from the other side
    expect(at([10, 20, 30], { right: [Math.cos(0.02), 0, Math.sin(0.02)] })).toBe(false);
    expect(at([10, 20, 30], { volume: 0 })).toBe(false);
    expect(samePlace(place, { ...place, seriesId: 8 } as Place)).toBe(false);
  });

  it('warns of slabs and of PET', () => {
    expect(surface.cautions).toEqual(['slab']);
    expect(planeSurface({ ...parts, slab: 'plane', modality: 'PT' }).cautions).toEqual(['pet']);
    expect(planeSurface({ ...parts, thicknessMm: 0 }).cautions).toEqual([]);
  });
});

describe('shapes', () => {
  const box = [
    { x: 2, y: 3 },
    { x: 10, y: 9 },
  ];

  it('hold a rectangle by its corners and an ellipse by its axes', () => {
    for (const tool of ['rectangle', 'ellipse'] as const) {
      handles(tool, box).forEach((_, index) => {
        const to = { x: 20 + index, y: 30 + index };
        const after = handles(tool, withHandle(tool, box, index, to))[index];
        expect(after).toEqual(tool === 'rectangle' ? to : index % 2 === 0 ? { x: to.x, y: after?.y } : { x: after?.x, y: to.y });
      });
    }
    expect(withHandle('rectangle', box, 1, { x: 12, y: 1 })).toEqual([
      { x: 2, y: 1 },
      { x: 12, y: 9 },
    ]);
    expect(withHandle('ellipse', box, 3, { x: 99, y: 15 })).toEqual([
      { x: 2, y: 3 },
      { x: 10, y: 15 },
    ]);
  });

  it('draw an ellipse within its box', () => {
    for (const { x, y } of outlines('ellipse', box)[0] ?? []) expect(((x - 6) / 4) ** 2 + ((y - 6) / 3) ** 2).toBeCloseTo(1, 9);
  });

  it('know where a line begins', () => {
    expect([0, 1, 2, 3].map((fixed) => beginsLine('cobb', fixed))).toEqual([true, false, true, false]);
    expect([0, 1, 2].map((fixed) => beginsLine('angle', fixed))).toEqual([true, false, false]);
  });

  it('measure how far a point is from a line and its ends', () => {
    const line = [
      { x: 0, y: 0 },
      { x: 10, y: 0 },
    ];
    expect(distanceTo(line, { x: 4, y: 3 })).toBe(3);
    expect(distanceTo(line, { x: 13, y: 4 })).toBe(5);
    expect(distanceTo([{ x: 1, y: 1 }], { x: 4, y: 5 })).toBe(5);
  });

  it('let the perpendiculars of a Cobb angle meet, unless the lines are level', () => {
    const lines = [
      { x: 0, y: 0 },
      { x: 10, y: 0 },
      { x: 20, y: 10 },
      { x: 20, y: 20 },
    ];
    expect(perpendiculars(lines).map((line) => line[1])).toEqual([
      { x: 5, y: 15 },
      { x: 5, y: 15 },
    ]);
    expect(perpendiculars([...lines.slice(0, 2), { x: 0, y: 9 }, { x: 10, y: 9 }])).toEqual([]);
  });
});

describe('labels', () => {
  const words: unknown = en;
  const t: Translate = (key, values = {}) => {
    const text = key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], words);
    return String(text).replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name]));
  };
  const place: Place = { kind: 'image', seriesId: 7, image: { instance_id: 1, frame_number: 1 } };
  const said = (tool: 'ruler' | 'ellipse' | 'point' | 'angle' | 'polygon', patch: Parameters<typeof measured>[0], on: Place = place, locale = 'en') =>
    labelOf({ tool, place: on, points: [{ x: 3.7, y: 4.2 }], measured: measured(patch), fault: null }, on.kind === 'plane' ? ['slab', 'pet'] : [], locale, t);

  it('say the unit and what it rests on', () => {
    expect(said('ruler', { length: 30.24 }).lines).toEqual(['30.2 mm']);
    expect(said('ruler', { length: 0.456 }).lines).toEqual(['0.46 mm']);
    expect(said('ruler', { length: 120.04, length_unit: 'px', spacing_source: 'none' }).lines).toEqual(['120.0 px']);
    expect(said('ruler', { length: 30, spacing_source: 'detector' }).lines).toEqual(['30.0 mm on detector']);
    expect(said('ruler', { length: 30, spacing_source: 'calibrated' }, place, 'pt-BR').lines).toEqual(['30,0 mm calibrated']);
    expect(said('angle', { angle_deg: 179.96 }).lines).toEqual(['180.0°']);
  });

  const statistics = { count: 5, mean: 231.4, standard_deviation: 14.26, minimum: -190, maximum: 272.5 };

  it('say area and statistics', () => {
    expect(said('ellipse', { area: 201.3, length: 50, statistics, unit: 'HU' }).lines).toEqual(['Area 201 mm²', 'Mean 231 HU', 'SD 14.3', 'Min −190 · Max 273']);
    expect(said('polygon', { area: 2.34, length: 6.1, length_unit: 'px', spacing_source: 'none' }).lines).toEqual(['Area 2.3 px²', 'Perimeter 6.1 px']);
  });

  it('mark what is interpolated, and warn of what is computed', () => {
    const plane: Place = { kind: 'plane', seriesId: 7, volume: 0, origin: [-10, 5, 100], right: [1, 0, 0], down: [0, 1, 0], stepMm: 1 };
    const label = said('point', { values: [12.3456789], unit: 'HU', interpolated: true }, plane);
    expect(label.lines).toEqual(['12.3 HU*', 'R 6.3 P 9.2 H 100.0 mm']);
    expect(label.cautions).toEqual(['Slab: may be wrong', 'Not for PET']);
    expect(said('ellipse', { area: 1, statistics, interpolated: true }, plane).lines).toEqual(['Area 1 mm²', 'Mean 231*', 'SD 14.3*', 'Min −190 · Max 273*']);
  });

  it('say colours, and where there is no value', () => {
    expect(said('point', { values: [1, 2, 255] }).lines).toEqual(['R 1 G 2 B 255', 'x 3, y 4']);
    expect(said('point', { values: null }).lines[0]).toBe('No value');
    expect(said('point', { values: [0.0000123] }).lines[0]).toBe('1.23E−5');
  });

  it('say why there is no answer', () => {
    const refused = (code: string) => labelOf({ tool: 'ruler', place, points: [], measured: null, fault: { code, message: 'Too large.' } }, [], 'en', t).lines;
    expect(refused('volume_loading')).toEqual(['Values are loading']);
    expect(refused('region_too_large')).toEqual(['No value: Too large.']);
  });

  it('stand beside the shape, inside the window, or where they were put', () => {
    const size = { width: 60, height: 16 };
    const room = { width: 400, height: 300 };
    const at = (x: number, y: number, offset: { x: number; y: number } | null = null) => labelBox([{ x, y }, { x: x + 20, y }], offset, size, room);
    expect(at(100, 100).left).toBe(130);
    expect(at(360, 100).left).toBe(360 - 10 - 68);
    expect(at(100, 2).top).toBe(6);
    expect(at(100, 299).top).toBe(300 - 20 - 6);
    expect(at(100, 100, { x: 50, y: -60 })).toMatchObject({ left: 160, top: 40 });
    const line = [[{ x: 100, y: 100 }, { x: 120, y: 100 }]];
    expect(tie(at(100, 100), line)).toBeNull();
    expect(tie(at(100, 100, { x: 50, y: -60 }), line)?.[1]).toEqual({ x: 120, y: 100 });
  });

  it('give way to one another, and to those that were put somewhere, and are tied to their shapes then', () => {
    const size = { width: 120, height: 48 };
    const room = { width: 500, height: 400 };
    const shape = (x: number, y: number) => [{ x, y }, { x: x + 20, y }];
    const wanted = [shape(200, 200), shape(204, 204), shape(208, 196), shape(212, 210)].map((places) => ({ places, offset: null, size }));
    const boxes = labelBoxes([...wanted, { places: shape(20, 200), offset: { x: 190, y: -20 }, size }], room);
    for (const [index, one] of boxes.entries()) {
      expect(one.left).toBeGreaterThanOrEqual(0);
      expect(one.top + one.height).toBeLessThanOrEqual(room.height);
      for (const other of boxes.slice(index + 1)) {
        const apart = one.left >= other.left + other.width || other.left >= one.left + one.width || one.top >= other.top + other.height || other.top >= one.top + one.height;
        expect([index, apart]).toEqual([index, true]);
      }
    }
    const moved = boxes.findIndex((box) => box.moved === true && box.top > 250);
    expect(tie(boxes[moved] ?? labelBox([], null, size, room), [wanted[moved]?.places ?? []])).not.toBeNull();
    // A shape of others is left alone where there is room beside it.
    const ruler = [{ x: 240, y: 150 }, { x: 240, y: 204 }];
    const [beside] = labelBoxes([wanted[0] ?? { places: [], offset: null, size }, { places: [], offset: { x: 0, y: 0 }, size: { width: 0, height: 0 }, lines: [ruler] }], room);
    expect(beside).toMatchObject({ left: 230, moved: true });
    expect(beside?.top ?? 0).toBeGreaterThan(204);
    // One alone stays where it stood before there were others.
    expect(labelBoxes(wanted.slice(0, 1), room)).toEqual([labelBox(shape(200, 200), null, size, room)]);
  });
});

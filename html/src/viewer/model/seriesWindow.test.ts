import { describe, expect, it } from 'vitest';
import { emptyCell } from '../control/cellState';
import { currentWindow } from '../input/drag';
import { frameFacts, seriesDetail } from '../testing/series';
import { windowScope } from '../ui/corners';
import { type SeriesDetail } from './series';
import { keepingWindows, namingRepresentative, recommendation, scopeOf, sharedWindow, voiFunction, type WindowScope } from './seriesWindow';

const own = (width: number, explanation = '') => [{ center: width / 2, width, explanation }];
const at = (id: number) => ({ instance_id: id, frame_number: 1 });

/** Two slices that share a window, and a scout that does not. */
const series: SeriesDetail = {
  ...seriesDetail(3),
  frames: [
    frameFacts(100, { windows: own(1475), series_window: 0 }),
    frameFacts(101, { windows: own(3834), series_window: 0 }),
    frameFacts(102, { windows: own(900), series_window: null }),
  ],
  series_windows: [{ representative: 1, windows: own(3834, 'SOFT'), voi_lut_explanations: ['bone'], voi_lut_function: 'SIGMOID' }],
};

const cell = (id: number, scope: WindowScope | undefined, detail = series) => ({
  ...emptyCell(),
  reference: { seriesId: 7, image: at(id) },
  detail,
  data: { ...emptyCell().data, window: { kind: 'recommended' as const, index: 0, ...(scope === undefined ? {} : { scope }) } },
});

describe('recommended windows', () => {
  it('of a series are those of the image that recommends, for all images that share them', () => {
    for (const id of [100, 101]) expect(currentWindow(cell(id, 'series'))).toEqual({ width: 3834, center: 1917 });
    expect(currentWindow(cell(100, undefined))).toEqual({ width: 3834, center: 1917 });
    expect(currentWindow(cell(102, 'series'))).toEqual({ width: 900, center: 450 });
  });

  it('of each image are its own', () => {
    expect([100, 101, 102].map((id) => currentWindow(cell(id, 'image'))?.width)).toEqual([1475, 3834, 900]);
  });

  it('say whose they are', () => {
    expect([100, 102].map((id) => windowScope(cell(id, 'series')))).toEqual(['series', 'image']);
    expect([100, 102].map((id) => windowScope(cell(id, 'image')))).toEqual(['image', 'image']);
    const values = cell(100, 'series');
    expect(windowScope({ ...values, data: { ...values.data, window: { kind: 'values', center: 1, width: 2 } } })).toBeNull();
  });

  it('of a single image, or from a server that shares none, are nobody’s', () => {
    expect(scopeOf(seriesDetail(1), at(100), 'series')).toBeNull();
    const older: SeriesDetail = { ...series, frames: [frameFacts(100), frameFacts(101)] };
    delete older.series_windows;
    expect(scopeOf(older, at(100), 'series')).toBeNull();
    expect(recommendation(older, at(100), 'series')).toBe(older.frames[0]);
  });

  it('bring the function of the series to windows set by hand', () => {
    expect(voiFunction(series, at(100))).toBe('SIGMOID');
    expect(voiFunction(series, at(102))).toBe('LINEAR');
  });

  it('are not found by a number that the series does not have', () => {
    expect(sharedWindow(series, frameFacts(100, { series_window: 7 }))).toBeNull();
  });

  it('name the image that recommends when they are sent', () => {
    const window = { kind: 'recommended' as const, index: 0, scope: 'series' as const };
    expect(namingRepresentative(series, at(100), window)).toEqual({ ...window, image: at(101) });
    expect(namingRepresentative(series, at(102), window)).toEqual(window);
    expect(namingRepresentative(null, at(100), window)).toEqual(window);
    const each = { ...window, scope: 'image' as const };
    expect(namingRepresentative(series, at(100), each)).toEqual(each);
  });

  it('stay while more images of the series arrive', () => {
    const grown: SeriesDetail = {
      ...series,
      frames: [frameFacts(99, { windows: own(10), series_window: 0 }), frameFacts(98, { windows: own(20), series_window: 0 }), ...series.frames.slice(0, 2), frameFacts(102, { series_window: 1 }), frameFacts(103, { series_window: 1 })],
      series_windows: [
        { representative: 1, windows: own(20), voi_lut_explanations: [], voi_lut_function: 'LINEAR' },
        { representative: 5, windows: own(900), voi_lut_explanations: [], voi_lut_function: 'LINEAR' },
      ],
    };
    const kept = keepingWindows(series, grown);
    expect(kept.series_windows).toEqual([{ ...series.series_windows?.[0], representative: 3 }, grown.series_windows?.[1]]);
    expect(namingRepresentative(kept, at(99), { kind: 'recommended' })).toEqual({ kind: 'recommended', image: at(101) });
    expect(keepingWindows(undefined, grown)).toBe(grown);
    expect(keepingWindows(series, { ...grown, frames: [] }).series_windows).toEqual(grown.series_windows);
  });
});

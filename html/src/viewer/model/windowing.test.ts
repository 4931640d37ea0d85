import { describe, expect, it } from 'vitest';
import { CT_PRESETS, dragWindow, presetsFor, sameWindow, windowValues } from './windowing';

describe('dragging the window', () => {
  it('right widens and left narrows, by a factor', () => {
    expect(dragWindow({ width: 300, center: 50 }, 30, 0)).toEqual({ width: 331.551, center: 50 });
    expect(dragWindow({ width: 300, center: 50 }, -30, 0)).toEqual({ width: 271.451, center: 50 });
  });

  it('down raises the level and up lowers it', () => {
    expect(dragWindow({ width: 300, center: 50 }, 0, 20)).toEqual({ width: 300, center: 70 });
    expect(dragWindow({ width: 300, center: 50 }, 0, -20)).toEqual({ width: 300, center: 30 });
  });

  it('moves wide windows in large steps', () => {
    expect(dragWindow({ width: 3000, center: 0 }, 0, 10)).toEqual({ width: 3000, center: 100 });
    expect(dragWindow({ width: 3000, center: 0 }, 10, 0)).toEqual({ width: 3101.685, center: 0 });
  });

  it.each([
    [1500, -600, 100, 0],
    [1500, -600, -100, 0],
    [350, 50, 100, 100],
    [350, 50, -250, 80],
    [80, 40, 60, -40],
    [20, 5, -100, 0],
  ])('comes back to %i / %i when the opposite drag follows (%i, %i)', (width, center, dx, dy) => {
    let window = { width, center };
    for (let turn = 0; turn < 10; turn += 1) window = dragWindow(dragWindow(window, dx, dy), -dx, -dy);
    expect(window.width).toBeCloseTo(width, 1);
    expect(window.center).toBeCloseTo(center, 1);
  });

  it('keeps fractions of narrow windows, as of SUV', () => {
    expect(dragWindow({ width: 6, center: 3 }, 15, 0)).toEqual({ width: 6.30763, center: 3 });
    expect(dragWindow({ width: 6, center: 3 }, 0, -15)).toEqual({ width: 6, center: 2.7 });
  });

  it('leaves alone what the drag does not change', () => {
    expect(dragWindow({ width: 1234.5, center: 0.25 }, 0, 0)).toEqual({ width: 1234.5, center: 0.25 });
  });

  it('never reaches a width of zero, nor one without end', () => {
    expect(dragWindow({ width: 300, center: 50 }, -5000, 0).width).toBeGreaterThan(0);
    expect(dragWindow({ width: 0.5, center: 0 }, -90000, 0).width).toBe(0.000001);
    expect(dragWindow({ width: 300, center: 50 }, 90000, 0).width).toBe(1e9);
  });
});

describe('windows', () => {
  it('keep the VOI LUT function of the image', () => {
    expect(windowValues({ width: 350, center: 50 }, 'SIGMOID')).toEqual({ kind: 'values', width: 350, center: 50, function: 'SIGMOID' });
    expect(windowValues({ width: 350, center: 50 }, 'nonsense').function).toBe('LINEAR');
  });

  it('narrower than one are not sent as LINEAR, which does not know them', () => {
    expect(windowValues({ width: 0.5, center: 0 }, 'LINEAR').function).toBe('LINEAR_EXACT');
  });

  it('are the same by kind and by values', () => {
    expect(sameWindow({ kind: 'recommended' }, { kind: 'recommended', index: 0 })).toBe(true);
    expect(sameWindow({ kind: 'recommended', index: 1 }, { kind: 'recommended', index: 0 })).toBe(false);
    expect(sameWindow({ kind: 'recommended', scope: 'series' }, { kind: 'recommended' })).toBe(true);
    expect(sameWindow({ kind: 'recommended', scope: 'image' }, { kind: 'recommended' })).toBe(false);
    expect(sameWindow({ kind: 'full_dynamic' }, { kind: 'recommended' })).toBe(false);
    expect(sameWindow({ kind: 'values', width: 1, center: 2 }, { kind: 'values', width: 1, center: 2, function: 'SIGMOID' })).toBe(true);
  });
});

describe('organ presets', () => {
  it('are proposed for CT only', () => {
    expect(presetsFor('CT')).toHaveLength(12);
    expect(presetsFor('MR')).toEqual([]);
    expect(presetsFor('')).toEqual([]);
  });

  it.each([
    ['brain', 80, 40],
    ['stroke', 40, 40],
    ['subdural', 200, 75],
    ['temporalBone', 2800, 600],
    ['neck', 350, 50],
    ['mediastinum', 350, 50],
    ['lung', 1500, -600],
    ['abdomen', 400, 50],
    ['liver', 160, 70],
    ['spine', 250, 50],
    ['bone', 2000, 400],
    ['angio', 600, 200],
  ])('%s is %s wide at level %s', (id, width, center) => {
    expect(CT_PRESETS.find((preset) => preset.id === id)).toEqual({ id, width, center });
  });
});

import { describe, expect, it } from 'vitest';
import { type PixelScale, scaleBar } from './scaleBar';

const scale = (x: number, source: PixelScale['source'] = 'patient'): PixelScale => ({ x, y: x, unit: source === 'none' ? 'px' : 'mm', source });

describe('scale bar', () => {
  it('is the longest sensible length that fits', () => {
    // 1 px a column of 0.7 mm: 200 px are 140 mm
    expect(scaleBar(1, scale(0.7), 200)).toMatchObject({ value: 10, unit: 'cm', parts: 10 });
    // twice as large: 70 mm
    expect(scaleBar(2, scale(0.7), 200)).toMatchObject({ value: 5, unit: 'cm', parts: 5 });
    // 30 mm
    expect(scaleBar(4.666, scale(0.7), 200)).toMatchObject({ value: 2, unit: 'cm', parts: 4 });
  });

  it('is drawn at its true length', () => {
    expect(scaleBar(2, scale(0.5), 200)?.lengthCss).toBe(200); // 50 mm = 100 columns = 200 px
  });

  it('goes down to millimetres and below', () => {
    expect(scaleBar(40, scale(0.5), 200)).toMatchObject({ value: 2, unit: 'mm' });
    expect(scaleBar(400, scale(0.5), 200)).toMatchObject({ value: 0.2, unit: 'mm' });
  });

  it('counts pixels where millimetres are unknown', () => {
    expect(scaleBar(1.5, scale(1, 'none'), 200)).toMatchObject({ value: 100, unit: 'px', source: 'none', lengthCss: 150 });
    expect(scaleBar(300, null, 200)).toMatchObject({ value: 1, unit: 'px' });
  });

  it('says what its millimetres rest on', () => {
    for (const source of ['detector', 'calibrated', 'region', 'patient'] as const) {
      expect(scaleBar(1, scale(0.1, source), 200)).toMatchObject({ source, value: 2, unit: 'cm' });
    }
  });

  it('is left out where there is no room', () => {
    expect(scaleBar(1, scale(0.7), 10)).toBeNull();
    expect(scaleBar(0, scale(0.7), 200)).toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { lengthSource, scaleBar } from './scaleBar';

describe('scale bar', () => {
  it('is the longest sensible length that fits', () => {
    // 1 px a column of 0.7 mm: 200 px are 140 mm
    expect(scaleBar(1, 0.7, 'patient', 200)).toMatchObject({ value: 10, unit: 'cm', parts: 10 });
    // twice as large: 70 mm
    expect(scaleBar(2, 0.7, 'patient', 200)).toMatchObject({ value: 5, unit: 'cm', parts: 5 });
    // 30 mm
    expect(scaleBar(4.666, 0.7, 'patient', 200)).toMatchObject({ value: 2, unit: 'cm', parts: 4 });
  });

  it('is drawn at its true length', () => {
    expect(scaleBar(2, 0.5, 'patient', 200)?.lengthCss).toBe(200); // 50 mm = 100 columns = 200 px
  });

  it('goes down to millimetres and below', () => {
    expect(scaleBar(40, 0.5, 'patient', 200)).toMatchObject({ value: 2, unit: 'mm' });
    expect(scaleBar(400, 0.5, 'patient', 200)).toMatchObject({ value: 0.2, unit: 'mm' });
  });

  it('counts pixels where millimetres are unknown', () => {
    expect(scaleBar(1.5, null, 'unknown', 200)).toMatchObject({ value: 100, unit: 'px', source: 'unknown', lengthCss: 150 });
    expect(scaleBar(300, null, 'unknown', 200)).toMatchObject({ value: 1, unit: 'px' });
  });

  it('never passes off a detector length as one of the patient', () => {
    expect(lengthSource([0.1, 0.1], 'ImagerPixelSpacing')).toBe('detector');
    expect(lengthSource([0.1, 0.1], 'NominalScannedPixelSpacing')).toBe('nominal');
    expect(lengthSource([0.1, 0.1], 'PixelSpacing')).toBe('patient');
    expect(lengthSource(null, 'PixelSpacing')).toBe('unknown');
    expect(scaleBar(1, 0.1, 'detector', 200)).toMatchObject({ source: 'detector', value: 2, unit: 'cm' });
  });

  it('is left out where there is no room', () => {
    expect(scaleBar(1, 0.7, 'patient', 10)).toBeNull();
    expect(scaleBar(0, 0.7, 'patient', 200)).toBeNull();
  });
});

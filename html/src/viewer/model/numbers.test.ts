import { describe, expect, it } from 'vitest';
import { formatNumber, formatTenths, formatWindowNumber } from './numbers';
import { ageAt, dateAndTime } from './patient';

describe('numbers on the image', () => {
  it('have a true minus and no groups', () => {
    expect(formatNumber(-600, 'en')).toBe('−600');
    expect(formatNumber(12345, 'en')).toBe('12345');
    expect(formatNumber(-0, 'en')).toBe('0');
  });

  it('have the decimal sign of the language', () => {
    expect(formatTenths(-6, 'en')).toBe('−6.0');
    expect(formatTenths(12.34, 'pt-BR')).toBe('12,3');
  });

  it('of a window are as fine as the window is narrow', () => {
    expect(formatWindowNumber(408.4, 408.4, 'en')).toBe('408');
    expect(formatWindowNumber(2.71, 6, 'en')).toBe('2.71');
    expect(formatWindowNumber(0.1234, 0.5, 'en')).toBe('0.123');
  });
});

describe('age', () => {
  it('is counted on the day of the study', () => {
    expect(ageAt('1958-05-14', '2026-11-23')).toBe(68);
    expect(ageAt('1958-11-24', '2026-11-23')).toBe(67);
    expect(ageAt('1958-11-23', '2026-11-23')).toBe(68);
  });

  it('is left out where a date is missing or makes no sense', () => {
    expect(ageAt(null, '2026-11-23')).toBeNull();
    expect(ageAt('2027-01-01', '2026-11-23')).toBeNull();
    expect(ageAt('garbage', '2026-11-23')).toBeNull();
  });
});

it('date and time are written as one, whatever is missing', () => {
  expect(dateAndTime('2026-11-23', '16:42:07')).toBe('2026-11-23 16:42');
  expect(dateAndTime(null, null)).toBe('');
});

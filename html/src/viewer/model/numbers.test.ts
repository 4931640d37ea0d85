import { describe, expect, it } from 'vitest';
import { formatNumber, formatTenths, formatWindowNumber, parseNumber } from './numbers';
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

describe('typed numbers', () => {
  it.each([
    ['1234,5', 'pt-BR', 1234.5],
    ['-0,25', 'pt-BR', -0.25],
    ['\u2212600', 'pt-BR', -600],
    ['1234.5', 'en', 1234.5],
    [' 350 ', 'en', 350],
    ['+40', 'en', 40],
    ['.5', 'en', 0.5],
    ['1500', 'pt-BR', 1500],
  ])('%s in %s is %d', (text, locale, value) => {
    expect(parseNumber(text, locale)).toEqual({ value, fault: null });
  });

  it.each([
    ['1234,5', 'en'],
    ['1,234.5', 'en'],
    ['1 234', 'en'],
    ['1.2.3', 'en'],
    ['1234.5', 'pt-BR'],
    ['1.234,5', 'pt-BR'],
    ['1.234', 'pt-BR'],
  ])('%s in %s is refused for its marks, never guessed', (text, locale) => {
    expect(parseNumber(text, locale)).toEqual({ value: null, fault: 'mark' });
  });

  it.each(['', ' ', 'abc', '1e5', '--1', '5 HU', 'Infinity', '.', '-'])('"%s" is no number', (text) => {
    expect(parseNumber(text, 'en').value).toBeNull();
  });
});

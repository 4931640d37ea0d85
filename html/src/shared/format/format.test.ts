import { describe, expect, it } from 'vitest';
import { formatBytes, formatDay, formatDuration, formatNumber, localDay } from './format';
import { personName } from './person';

describe('names of persons', () => {
  it.each([
    ['Almeida^Beatriz', 'Almeida, Beatriz'],
    ['Silva^João^Pedro^Dr.', 'Silva, João Pedro'],
    ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'Yamada, Tarou (山田 太郎)'],
    ['=山田^太郎', '山田 太郎'],
    ['Mono', 'Mono'],
    ['^Given', 'Given'],
    ['', ''],
    ['^^^^', ''],
  ])('%s is shown as %s', (value, shown) => {
    expect(personName(value)).toBe(shown);
  });
});

describe('numbers and days', () => {
  it('follow the language', () => {
    expect(formatNumber(1204, 'en')).toBe('1,204');
    expect(formatNumber(1204, 'pt')).toBe('1.204');
    expect(formatBytes(418_000_000, 'en')).toBe('418 MB');
    expect(formatBytes(1_250_000, 'pt')).toBe('1,3 MB');
    expect(formatBytes(999_999, 'en')).toBe('1 MB');
    expect(formatBytes(512, 'en')).toBe('512 B');
  });

  it('keep a DICOM day as it is written', () => {
    expect(formatDay('1958-05-14')).toBe('1958-05-14');
    expect(formatDay(null)).toBe('');
  });

  it('count back over the end of a month', () => {
    expect(localDay(new Date(2026, 2, 1, 0, 5), 1)).toBe('2026-02-28');
  });

  it('say how long in the two largest units', () => {
    expect(formatDuration(90_061, 'en')).toBe('1 day 1 hr');
    expect(formatDuration(59, 'en')).toBe('59 sec');
  });
});

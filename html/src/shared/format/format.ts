/** Numbers, sizes and dates in the reader's language. */

import { type Language, localeOf } from '../i18n';

export function formatNumber(value: number, language: Language): string {
  return new Intl.NumberFormat(localeOf[language]).format(value);
}

export function formatPercent(share: number, language: Language): string {
  const text = new Intl.NumberFormat(localeOf[language], { maximumFractionDigits: 0 }).format(Math.floor(share * 100));
  return `${text} %`;
}

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const;

/** "418 MB": decimal units, as disks are sold and as the file managers of most systems count. */
export function formatBytes(bytes: number, language: Language): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(localeOf[language], { maximumFractionDigits: digits }).format(value)} ${units[unit]}`;
}

/** The date of a study or a birth stays as DICOM means it: year-month-day, the same in every language, never shifted by a time zone. */
export function formatDay(value: string | null): string {
  return value === null ? '' : value.slice(0, 10);
}

/** An instant, in the reader's own time zone, year first. */
export function formatInstant(value: string): string {
  const instant = new Date(value);
  if (Number.isNaN(instant.getTime())) return '';
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${instant.getFullYear()}-${two(instant.getMonth() + 1)}-${two(instant.getDate())}`;
  return `${day} ${two(instant.getHours())}:${two(instant.getMinutes())}`;
}

/** "3 d 4 h", "12 min": how long something has been up. */
export function formatDuration(seconds: number, language: Language): string {
  const unit = (value: number, name: 'day' | 'hour' | 'minute' | 'second'): string =>
    new Intl.NumberFormat(localeOf[language], { style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days > 0) return `${unit(days, 'day')} ${unit(hours, 'hour')}`;
  if (hours > 0) return `${unit(hours, 'hour')} ${unit(minutes, 'minute')}`;
  if (minutes > 0) return unit(minutes, 'minute');
  return unit(Math.floor(seconds), 'second');
}

/** A calendar day of the browser's clock as `YYYY-MM-DD`, `daysAgo` before today. */
export function localDay(now: Date, daysAgo = 0): string {
  const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

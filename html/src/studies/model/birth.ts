/** The search field "Born": a year, a month, a day, or a range of them, as people type it. Pure. */

export interface Days {
  /** First and last day, `YYYY-MM-DD`; null = open. */
  from: string | null;
  to: string | null;
}

const SEPARATOR = /\.\.+|[-–—]/g;

/** Reads a day: 1958-05-14, 19580514, 14/05/1958, 14.05.1958. Null where it is no day. */
export function parseDay(text: string): string | null {
  const value = text.trim();
  const iso = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(value);
  const european = /^(\d{1,2})[/.](\d{1,2})[/.](\d{4})$/.exec(value);
  const found = iso ? [iso[1], iso[2], iso[3]] : european ? [european[3], european[2], european[1]] : null;
  if (found === null) return null;
  const [year, month, day] = found.map(Number) as [number, number, number];
  return day >= 1 && month >= 1 && month <= 12 && day <= daysOf(year, month) ? written(year, month, day) : null;
}

/** Reads what the field takes: 1968; 1968-03 or 03/1968; a day; two of them with a dash or dots between, or one and a dash. */
export function parseBirth(text: string): Days | null {
  const value = text.trim();
  const single = parseSpan(value);
  if (single !== null) return single;
  for (const match of value.matchAll(SEPARATOR)) {
    const [before, after] = [value.slice(0, match.index).trim(), value.slice(match.index + match[0].length).trim()];
    const [from, to] = [before === '' ? null : parseSpan(before), after === '' ? null : parseSpan(after)];
    if ((before === '') !== (from === null) || (after === '') !== (to === null) || (from === null && to === null)) continue;
    if (from !== null && to !== null && from.from > to.to) continue;
    return { from: from?.from ?? null, to: to?.to ?? null };
  }
  return null;
}

/** Something is typed that the field does not take: searching without it would find what nobody asked for. */
export function isBadBirth(text: string): boolean {
  return text.trim() !== '' && parseBirth(text) === null;
}

function parseSpan(value: string): { from: string; to: string } | null {
  const day = parseDay(value);
  if (day !== null) return { from: day, to: day };
  const found = /^(?<year>\d{4})$/.exec(value) ?? /^(?<year>\d{4})[-/.](?<month>\d{1,2})$/.exec(value) ?? /^(?<month>\d{1,2})[-/.](?<year>\d{4})$/.exec(value);
  const year = Number(found?.groups?.['year'] ?? 0);
  if (year < 1) return null;
  const month = found?.groups?.['month'];
  if (month === undefined) return { from: written(year, 1, 1), to: written(year, 12, 31) };
  const number = Number(month);
  return number >= 1 && number <= 12 ? { from: written(year, number, 1), to: written(year, number, daysOf(year, number)) } : null;
}

/** 0 of a year that no calendar has. */
function daysOf(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return year < 1 ? 0 : month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function written(year: number, month: number, day: number): string {
  return [String(year).padStart(4, '0'), String(month).padStart(2, '0'), String(day).padStart(2, '0')].join('-');
}

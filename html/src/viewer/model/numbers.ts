/** Numbers as they stand on the image: the locale's decimal sign, a true minus, no groups. */

const formats = new Map<string, Intl.NumberFormat>();

export function formatNumber(value: number, locale: string, digits = 0): string {
  const key = `${locale}/${digits}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale, { useGrouping: false, maximumFractionDigits: digits });
    formats.set(key, format);
  }
  return format.format(value + 0).replace('-', '\u2212');
}

/** Window width or level: whole, or as fine as it needs. */
export function formatWindowNumber(value: number, width: number, locale: string): string {
  if (Number.isInteger(value)) return formatNumber(value, locale);
  if (width >= 100) return formatNumber(value, locale);
  return formatNumber(value, locale, width >= 10 ? 1 : Math.min(6, 2 - Math.floor(Math.log10(Math.max(width, 1e-4)))));
}

/** Exactly one digit after the decimal sign. */
export function formatTenths(value: number, locale: string): string {
  const rounded = Math.round(value * 10) / 10 + 0;
  return new Intl.NumberFormat(locale, { useGrouping: false, minimumFractionDigits: 1, maximumFractionDigits: 1 })
    .format(rounded)
    .replace('-', '\u2212');
}

/** A number as typed in the locale; a true minus is read too, and spaces around it do not count. */
export type Typed = { value: number; fault: null } | { value: null; fault: 'mark' | 'number' };

/**
 * Reads a typed number. The other language's decimal mark and group marks are refused: `1234,5` is either 1234.5 or 12345,
 * and a window ten times as wide must never come from a guess.
 */
export function parseNumber(text: string, locale: string): Typed {
  const mark = formatNumber(0.5, locale, 1).replace(/\d/g, '');
  const plain = text.trim().replace('\u2212', '-');
  if (/^[+-]?[\d.,'\s]*[.,'\s][\d.,'\s]*$/.test(plain) && !new RegExp(`^[+-]?\\d*\\${mark}\\d*$`).test(plain)) {
    return { value: null, fault: 'mark' };
  }
  const text10 = plain.replace(mark, '.');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text10)) return { value: null, fault: 'number' };
  return { value: Number(text10), fault: null };
}

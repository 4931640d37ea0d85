/**
 * Checked reading of stored JSON. What a browser stored may be broken, old, or written by a person: each reader returns
 * null for a value that is not what it should be, and a record with such a value is dropped.
 */

export type Json = Readonly<Record<string, unknown>>;

export function objectIn(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

export function parsed(text: string | null): Json | null {
  if (text === null) return null;
  try {
    return objectIn(JSON.parse(text));
  } catch {
    return null;
  }
}

export function numberIn(value: unknown, low = -1e12, high = 1e12): number | null {
  return typeof value === 'number' && value >= low && value <= high ? value : null;
}

export function wholeIn(value: unknown, low: number, high: number = Number.MAX_SAFE_INTEGER): number | null {
  return Number.isSafeInteger(value) ? numberIn(value, low, high) : null;
}

export function oneOf<T extends string>(value: unknown, choices: readonly T[]): T | null {
  return choices.find((one) => one === value) ?? null;
}

export function textIn(value: unknown, longest: number): string | null {
  return typeof value === 'string' && value.length <= longest ? value : null;
}

/** A list whose every entry is good, null otherwise. */
export function listIn<T>(value: unknown, most: number, read: (entry: unknown) => T | null): T[] | null {
  if (!Array.isArray(value) || value.length > most) return null;
  const entries = value.map(read);
  return entries.every((entry): entry is NonNullable<typeof entry> => entry !== null) ? (entries as T[]) : null;
}

export function vectorIn(value: unknown): [number, number, number] | null {
  const list = listIn(value, 3, (one) => numberIn(one));
  return list?.length === 3 ? (list as [number, number, number]) : null;
}

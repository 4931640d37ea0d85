import { describe, expect, it } from 'vitest';
import common from '../../shared/i18n/en.json';
import en from './en.json';

type Texts = { [key: string]: string | Texts };

const sources = import.meta.glob<string>(['../**/*.{ts,tsx}', '!../**/*.test.{ts,tsx}'], { eager: true, query: '?raw', import: 'default' });
/** A key has words joined by dots; other literals in a choice between keys have none. */
const KEY = /^(?:[a-z]+:)?\w+(?:\.\w+)+$/;

/** What stands between the brackets of a call, up to its first comma: the key, or the choice between keys. */
function firstArgument(source: string, from: number): string {
  let depth = 0;
  for (let at = from; at < source.length; at += 1) {
    const letter = source[at] ?? '';
    if (letter === "'" || letter === '`') at = source.indexOf(letter, at + 1);
    else if ('([{'.includes(letter)) depth += 1;
    else if (')]}'.includes(letter)) depth -= 1;
    if (at < 0) break;
    if (depth < 0 || (depth === 0 && letter === ',')) return source.slice(from, at);
  }
  return '';
}

function keysIn(source: string): string[] {
  const found: string[] = [];
  for (const call of source.matchAll(/(?<![\w.])t\(/g)) {
    const argument = firstArgument(source, call.index + call[0].length);
    const literals = [...argument.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '');
    found.push(...(/^\s*'[^']*'\s*$/.test(argument) ? literals : literals.filter((one) => KEY.test(one))));
  }
  return found;
}

function isText(texts: Texts, key: string): boolean {
  const value = key.split('.').reduce<string | Texts | undefined>((at, part) => (typeof at === 'object' ? at[part] : undefined), texts);
  return typeof value === 'string';
}

function isKnown(key: string): boolean {
  const [texts, path]: [Texts, string] = key.startsWith('common:') ? [common, key.slice('common:'.length)] : [en, key];
  return isText(texts, path) || isText(texts, `${path}_other`);
}

describe('keys of texts', () => {
  it('are found where they are asked for', () => {
    expect(keysIn("t('a.b') + t(on ? 'c.d' : 'e.f', { x: 'no.key' }) + set('no.key')")).toEqual(['a.b', 'c.d', 'e.f']);
    expect(isKnown('play.nowhere')).toBe(false);
  });

  it('that the pages ask for are all there', () => {
    const asked = Object.entries(sources).flatMap(([file, source]) => keysIn(source).map((key) => [file, key] as const));
    expect(asked.length).toBeGreaterThan(300);
    expect(asked.filter(([, key]) => !isKnown(key))).toEqual([]);
  });
});

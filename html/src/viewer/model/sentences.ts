/** Sentences that servers send as code and numbers, said in the doctor's language. */

import { currentLanguage, localeOf, registerNamespace } from '../../shared/i18n';
import type { Sentence } from '../../shared/protocol/messages';
import en from '../i18n/sentences.en.json';
import pt from '../i18n/sentences.pt.json';

registerNamespace('sentences', { en, pt });

/** Of `useTranslation`, or of i18next itself. */
export type Say = (key: string, values: Record<string, unknown>) => string;

const templates = new Map<string, string>(Object.entries(en));

/** How many of the numbers belong to a part of a code; null if nobody knows it. */
function numbersOf(code: string): number | null {
  const template = templates.get(code) ?? templates.get(`${code}_other`);
  if (template === undefined) return null;
  return Math.max(0, ...[...template.matchAll(/\{\{(\d+)\}\}/g)].map((found) => Number(found[1]) + 1));
}

/**
 * A sentence in the doctor's language. A code of several parts joined by `+` is as many sentences, or parts of a name, one
 * after the other, with the numbers of its parts in turn. What this page does not know yet is said in the server's English.
 */
export function sayOf(t: Say, sentence: Pick<Sentence, 'code' | 'numbers' | 'text'>): string {
  const locale = localeOf[currentLanguage()];
  const format = new Intl.NumberFormat(locale, { useGrouping: false, maximumSignificantDigits: 15 });
  const said: string[] = [];
  let first = 0;
  for (const code of sentence.code.split('+')) {
    const count = numbersOf(code);
    if (count === null || first + count > sentence.numbers.length) return sentence.text;
    const own = sentence.numbers.slice(first, first + count);
    const values = Object.fromEntries(own.map((number, index) => [String(index), format.format(number + 0).replace('-', '\u2212')]));
    said.push(t(`sentences:${code}`, own[0] === undefined ? values : { ...values, count: own[0] }));
    first += count;
  }
  return said.reduce((before, part) => `${before}${before.endsWith('.') ? ' ' : ', '}${part}`);
}

/** Sentences that servers send as code, numbers and texts, said in the doctor's language. */

import { currentLanguage, localeOf, registerNamespace } from '../../shared/i18n';
import type { Sentence } from '../../shared/protocol/messages';
import en from '../i18n/sentences.en.json';
import pt from '../i18n/sentences.pt.json';

registerNamespace('sentences', { en, pt });

/** Of `useTranslation`, or of i18next itself. */
export type Say = (key: string, values: Record<string, unknown>) => string;

const templates = new Map<string, string>(Object.entries(en));

/** How many numbers and texts of a sentence belong to a part of its code; null for an unknown code. */
function countsOf(code: string): { numbers: number; texts: number } | null {
  const template = templates.get(code) ?? templates.get(`${code}_other`);
  if (template === undefined) return null;
  const count = (pattern: RegExp): number => Math.max(0, ...[...template.matchAll(pattern)].map((found) => Number(found[1]) + 1));
  return { numbers: count(/\{\{(\d+)\}\}/g), texts: count(/\{\{t(\d+)\}\}/g) };
}

/**
 * A sentence in the doctor's language. A code of several parts joined by `+` is as many sentences, or parts of a name, one
 * after the other, with the numbers and texts of its parts in turn. A sentence that this page does not know yet is shown in
 * the server's English. Servers before this page's version send no `texts`.
 */
export function sayOf(t: Say, sentence: Pick<Sentence, 'code' | 'numbers' | 'text'> & { texts?: readonly string[] }): string {
  const locale = localeOf[currentLanguage()];
  const format = new Intl.NumberFormat(locale, { useGrouping: false, maximumSignificantDigits: 15 });
  const texts = sentence.texts ?? [];
  const said: string[] = [];
  let firstNumber = 0;
  let firstText = 0;
  for (const code of sentence.code.split('+')) {
    const counts = countsOf(code);
    if (counts === null || firstNumber + counts.numbers > sentence.numbers.length || firstText + counts.texts > texts.length) return sentence.text;
    const own = sentence.numbers.slice(firstNumber, firstNumber + counts.numbers);
    const words = texts.slice(firstText, firstText + counts.texts);
    const values = Object.fromEntries([
      ...own.map((number, index) => [String(index), format.format(number + 0).replace('-', '\u2212')]),
      ...words.map((word, index) => [`t${index}`, word]),
    ]);
    said.push(t(`sentences:${code}`, own[0] === undefined ? values : { ...values, count: own[0] }));
    firstNumber += counts.numbers;
    firstText += counts.texts;
  }
  return said.reduce((before, part) => `${before}${before.endsWith('.') ? ' ' : ', '}${part}`);
}

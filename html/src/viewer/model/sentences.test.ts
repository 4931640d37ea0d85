/** Sentences by code, with the fixtures that Python's tests use. */
import { afterEach, describe, expect, it } from 'vitest';
import fixtures from '../../../../tests/contract/fixtures/sentences.json';
import { i18n } from '../../shared/i18n';
import { type Say, sayOf } from './sentences';

const t: Say = (key, values) => i18n.t(key, values);

afterEach(() => i18n.changeLanguage('en'));

describe('a sentence of the server', () => {
  it.each(fixtures)('$code $numbers reads as the server wrote it', (sentence) => {
    expect(sayOf(t, { ...sentence, text: 'not looked at' })).toBe(sentence.text);
  });

  it.each(fixtures)('$code $numbers has Portuguese words', async (sentence) => {
    await i18n.changeLanguage('pt');
    const said = sayOf(t, { ...sentence, text: 'not looked at' });
    expect(said).not.toMatch(/[{}]|sentences:|not looked at/);
    if (sentence.text.endsWith('.')) expect(said).not.toBe(sentence.text);
  });

  it('is said with the marks and plural forms of the language', async () => {
    await i18n.changeLanguage('pt');
    const say = (code: string, ...numbers: number[]): string => sayOf(t, { code, numbers, texts: ['B70f 3'], text: '' });
    expect(say('gap', 1, 12.5, -15)).toBe('Entre 12,5 mm e −15 mm falta 1 corte: os valores ali são interpolados.');
    expect(say('gap', 2, 12.5, 20)).toBe('Entre 12,5 mm e 20 mm faltam 2 cortes: os valores ali são interpolados.');
    expect(say('axial+slices+b_value', 40, 1000)).toBe('Axial, 40 cortes, b = 1000 s/mm²');
    expect(say('axial+slices+thickness+kernel', 40, 1.5)).toBe('Axial, 40 cortes, 1,5 mm, kernel B70f 3');
    expect(say('slice_unreadable+interpolated_there', 9, 20, 12.5)).toBe(
      'Falta o corte 9 de 20, em 12,5 mm: a imagem não pode ser lida. Os valores ali são interpolados.',
    );
  });

  it('that this page does not know is said in English, whole', async () => {
    await i18n.changeLanguage('pt');
    const text = 'Axial, gated.';
    expect(sayOf(t, { code: 'axial+gated', numbers: [], text })).toBe(text);
    expect(sayOf(t, { code: '', numbers: [], text })).toBe(text);
    expect(sayOf(t, { code: 'slices', numbers: [], text })).toBe(text);
    expect(sayOf(t, { code: 'kernel', numbers: [], text })).toBe(text);
    expect(sayOf(t, { code: 'constructor', numbers: [], text })).toBe(text);
  });
});

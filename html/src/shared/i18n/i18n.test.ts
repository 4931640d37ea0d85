import { describe, expect, it } from 'vitest';
import { i18n, registerNamespace, toLanguage } from './index';

describe('languages', () => {
  it.each([
    ['pt', 'pt'],
    ['pt-BR', 'pt'],
    ['pt_BR', 'pt'],
    ['EN-us', 'en'],
    ['de', null],
    [undefined, null],
    [7, null],
  ])('%s is read as %s', (value, language) => {
    expect(toLanguage(value)).toBe(language);
  });

  it('says a million in Portuguese with the words of "other"', async () => {
    registerNamespace('test', { en: { n_one: 'one', n_other: 'others' }, pt: { n_one: 'um', n_other: 'outros' } });
    await i18n.changeLanguage('pt');
    expect(i18n.t('test:n', { count: 1_000_000 })).toBe('outros');
    await i18n.changeLanguage('en');
  });
});

/** Texts in English and Brazilian Portuguese. Each feature brings its own namespace of two JSON files. */

import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import en from './en.json';
import pt from './pt.json';

export { useTranslation } from 'react-i18next';

export const languages = ['en', 'pt'] as const;
export type Language = (typeof languages)[number];

/** Names of the languages, each in itself. */
export const languageNames: Record<Language, string> = { en: 'English', pt: 'Português (Brasil)' };

/** The tag for `Intl` and the page's `lang`. */
export const localeOf: Record<Language, string> = { en: 'en', pt: 'pt-BR' };

/** Turns what a setting or a browser calls a language (`pt-BR`, `pt_BR`) into one of ours. */
export function toLanguage(value: unknown): Language | null {
  if (typeof value !== 'string') return null;
  const short = value.toLowerCase().slice(0, 2);
  return languages.find((language) => language === short) ?? null;
}

type Texts = { [key: string]: string | Texts };

/** Portuguese has a plural form of its own for millions ("many"); ours reads the same as "other". */
function withMany(texts: Texts): Texts {
  const out: Texts = {};
  for (const [key, value] of Object.entries(texts)) {
    out[key] = typeof value === 'string' ? value : withMany(value);
    if (key.endsWith('_other')) out[key.replace(/_other$/, '_many')] ??= value;
  }
  return out;
}

export const i18n = i18next.createInstance();

void i18n.use(initReactI18next).init({
  lng: 'en',
  fallbackLng: 'en',
  supportedLngs: [...languages],
  defaultNS: 'common',
  fallbackNS: 'common',
  resources: { en: { common: en }, pt: { common: withMany(pt) } },
  interpolation: { escapeValue: false }, // React escapes
  initAsync: false,
  showSupportNotice: false,
} as Parameters<typeof i18n.init>[0]);

/** Adds a feature's texts. Called once where the feature's module is loaded. */
export function registerNamespace(namespace: string, texts: Record<Language, Texts>): void {
  i18n.addResourceBundle('en', namespace, texts.en, true, true);
  i18n.addResourceBundle('pt', namespace, withMany(texts.pt), true, true);
}

/** The language shown now. */
export function currentLanguage(): Language {
  return toLanguage(i18n.language) ?? 'en';
}

/** Which language is shown: the user's own choice, else what `.config.json` sets for everybody. */

import { address } from '../api/base';
import { currentLanguage, i18n, type Language, localeOf, toLanguage } from './index';

const key = 'webviewer.language';

function remembered(): Language | null {
  try {
    return toLanguage(localStorage.getItem(key));
  } catch {
    return null; // storage is blocked
  }
}

export async function showLanguage(language: Language): Promise<void> {
  if (currentLanguage() !== language) await i18n.changeLanguage(language);
  document.documentElement.lang = localeOf[language];
}

/** Shows a language that the user chose, and remembers it in this browser. */
export async function chooseLanguage(language: Language): Promise<void> {
  try {
    localStorage.setItem(key, language);
  } catch {
    // storage is blocked: the choice holds for this page only
  }
  await showLanguage(language);
}

/** At start: the remembered choice, or the server's default. */
export async function startLanguage(): Promise<void> {
  const own = remembered();
  if (own !== null) return showLanguage(own);
  try {
    const answer = await fetch(address('.config.json'), { credentials: 'omit' });
    const config = answer.ok ? ((await answer.json()) as { language?: unknown }) : {};
    await showLanguage(toLanguage(config.language) ?? 'en');
  } catch {
    await showLanguage('en');
  }
}

/** Language, theme and size of the interface: kept in this browser, and for the signed-in user on the server, where they win at every sign-in. */

import { useCallback, useEffect, useRef } from 'react';
import { api } from '../api/client';
import { type Language, toLanguage, useTranslation } from '../i18n';
import { chooseLanguage } from '../i18n/preference';
import { type Scheme, toScheme } from '../theme/preference';
import { useInterfaceSize } from '../theme/InterfaceScale';
import { type InterfaceSize, toInterfaceSize } from '../theme/scale';
import { useRootScheme } from '../theme/RootScheme';
import { session, useSession } from './store';

/** What the visitor chose on the sign-in page; saved for the user once it is known who it is. */
const chosenBeforeSignIn: { language: Language | null; theme: Scheme | null } = { language: null, theme: null };

function save(key: 'language' | 'theme' | 'interface_size', value: Language | Scheme | InterfaceSize): void {
  // A preference that cannot be saved now still holds in this browser; nothing to bother a doctor with.
  void api.put(`/v2/settings/${key}`, value).catch(() => undefined);
}

/** A value of the user's settings, null where none is kept or it cannot be read. */
async function load(key: string): Promise<unknown> {
  try {
    return await api.get<unknown>(`/v2/settings/${key}`);
  } catch {
    return null;
  }
}

export interface Preferences {
  language: Language;
  setLanguage: (language: Language) => void;
  theme: Scheme;
  setTheme: (theme: Scheme) => void;
  interfaceSize: InterfaceSize;
  setInterfaceSize: (size: InterfaceSize) => void;
}

export function usePreferences(): Preferences {
  const { i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useRootScheme();
  const { size, setSize } = useInterfaceSize();
  const setLanguage = useCallback((language: Language) => {
    void chooseLanguage(language);
    if (session.get().status === 'signed-in') save('language', language);
    else chosenBeforeSignIn.language = language;
  }, []);
  const setTheme = useCallback(
    (theme: Scheme) => {
      setColorScheme(theme);
      if (session.get().status === 'signed-in') save('theme', theme);
      else chosenBeforeSignIn.theme = theme;
    },
    [setColorScheme],
  );
  // Only a signed-in user has the page of settings: nothing can be chosen before.
  const setInterfaceSize = useCallback(
    (chosen: InterfaceSize) => {
      setSize(chosen);
      save('interface_size', chosen);
    },
    [setSize],
  );
  return {
    language: toLanguage(i18n.language) ?? 'en',
    setLanguage,
    theme: toScheme(colorScheme) ?? 'dark',
    setTheme,
    interfaceSize: size,
    setInterfaceSize,
  };
}

/** Takes over the user's own language, theme and size of the interface after the sign-in. Mount once, inside the signed-in page. */
export function useUserPreferences(): void {
  const { user } = useSession();
  const { setColorScheme } = useRootScheme();
  const userId = user?.user_id;
  const setScheme = useRef(setColorScheme);
  setScheme.current = setColorScheme;
  const { setSize } = useInterfaceSize();
  useEffect(() => {
    if (userId === undefined) return;
    let current = true;
    const { language, theme } = chosenBeforeSignIn;
    chosenBeforeSignIn.language = null;
    chosenBeforeSignIn.theme = null;
    if (language !== null) save('language', language);
    else {
      void load('language').then((value) => {
        const own = toLanguage(value);
        if (current && own !== null) void chooseLanguage(own);
      });
    }
    if (theme !== null) save('theme', theme);
    else {
      void load('theme').then((value) => {
        const own = toScheme(value);
        if (current && own !== null) setScheme.current(own);
      });
    }
    void load('interface_size').then((value) => {
      const own = toInterfaceSize(value);
      if (current && own !== null) setSize(own);
    });
    return () => {
      current = false;
    };
  }, [userId, setSize]);
}

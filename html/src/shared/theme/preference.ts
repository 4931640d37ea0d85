/** Light or dark: the user's choice, kept in this browser and, when signed in, on the server. */

import type { MantineColorSchemeManager } from '@mantine/core';

export type Scheme = 'light' | 'dark';

const key = 'webviewer.theme';

export function toScheme(value: unknown): Scheme | null {
  return value === 'light' || value === 'dark' ? value : null;
}

/** What boot.js put on the page before the first paint. */
export function startScheme(): Scheme {
  return toScheme(document.documentElement.getAttribute('data-mantine-color-scheme')) ?? 'dark';
}

/** Mantine's store of the choice; other tabs of the browser follow. */
export function schemeManager(): MantineColorSchemeManager {
  let onStorage: ((event: StorageEvent) => void) | null = null;
  return {
    get: () => startScheme(),
    set: (value) => {
      try {
        localStorage.setItem(key, value);
      } catch {
        // storage is blocked: the choice holds for this page only
      }
    },
    subscribe: (onUpdate) => {
      onStorage = (event) => {
        const scheme = event.key === key ? toScheme(event.newValue) : null;
        if (scheme !== null) onUpdate(scheme);
      };
      window.addEventListener('storage', onStorage);
    },
    unsubscribe: () => {
      if (onStorage !== null) window.removeEventListener('storage', onStorage);
    },
    clear: () => {
      try {
        localStorage.removeItem(key);
      } catch {
        // storage is blocked
      }
    },
  };
}

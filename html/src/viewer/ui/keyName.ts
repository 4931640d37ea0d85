import { keyLabel } from '../input/actions';

/** How a key is written for people, in their language. */
export function keyName(t: (key: 'keys.space') => string, shortcut: string): string {
  return shortcut === 'Space' ? t('keys.space') : keyLabel(shortcut);
}

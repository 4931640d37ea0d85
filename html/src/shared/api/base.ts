/**
 * Where the pages live. They are plain files under a prefix that nobody tells them (`/`, `/web-viewer/`, …), so the
 * prefix is read from the address of this very module: built files lie in `<base>assets/`.
 */

/** The address of the folder above `assets/`, ending in a slash. */
export function baseFromModule(moduleUrl: string, pageUrl: string): URL {
  const marker = '/assets/';
  const at = moduleUrl.lastIndexOf(marker);
  // Under the development server modules lie in /src/, and the base is the root.
  return at >= 0 ? new URL(moduleUrl.slice(0, at + 1)) : new URL('/', pageUrl);
}

/** Base of every page, call and socket, ending in a slash. */
export const base: URL = baseFromModule(import.meta.url, globalThis.location.href);

export type Query = Record<string, string | number | boolean | readonly (string | number)[] | null | undefined>;

/** Builds an absolute address of ours; empty values are left out, arrays repeat the key. */
export function address(path: string, query: Query = {}): string {
  const url = new URL(path.replace(/^\//, ''), base);
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue;
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(key, String(one));
  }
  return url.href;
}

/** The address of a WebSocket of ours. */
export function socketAddress(path: string): string {
  const url = new URL(path.replace(/^\//, ''), base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

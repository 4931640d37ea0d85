/** Addresses of the pages. A study is named by its number only: no names in addresses or in the browser's history. */

import { base } from '../shared/api/base';

/** What opens today; MPR and 3D have addresses already. */
export type ViewerMode = 'image';

export type Route =
  | { page: 'studies' }
  | { page: 'settings' }
  | { page: 'about' }
  | { page: 'viewer'; mode: 'image'; studyId: number; seriesId: number | null }
  /** An address of ours that shows nothing, and why; `path` is what stands after the prefix. */
  | { page: 'nowhere'; reason: 'mode' | 'study' | 'unknown'; path: string; studyId: number | null };

const modes: readonly string[] = ['image', 'mpr', '3d'];
const pages: readonly string[] = ['', 'viewer', 'index.html'];

function toNumber(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : null;
}

/** Reads an address. One that leads nowhere says so: a mistyped number must not look like an empty list. */
export function parseRoute(href: string, basePath: string = base.pathname): Route {
  const url = new URL(href, globalThis.location.href);
  const path = url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) : '';
  const [first, mode] = path.split('/');
  if (first === 'viewer' && mode !== undefined && modes.includes(mode)) {
    const studyId = toNumber(url.searchParams.get('study'));
    const reason = studyId === null ? 'study' : 'mode';
    if (studyId === null || mode !== 'image') return { page: 'nowhere', reason, path: path + url.search, studyId };
    return { page: 'viewer', mode: 'image', studyId, seriesId: toNumber(url.searchParams.get('series')) };
  }
  if (!pages.includes(first ?? '') || first === 'viewer') return { page: 'nowhere', reason: 'unknown', path: path + url.search, studyId: null };
  const page = url.searchParams.get('page');
  if (page === 'settings' || page === 'about') return { page };
  return { page: 'studies' };
}

export function formatRoute(route: Route, basePath: string = base.pathname): string {
  if (route.page === 'studies') return basePath;
  if (route.page === 'nowhere') return `${basePath}${route.path}`;
  if (route.page !== 'viewer') return `${basePath}?page=${route.page}`;
  const series = route.seriesId === null ? '' : `&series=${route.seriesId}`;
  return `${basePath}viewer/${route.mode}/?study=${route.studyId}${series}`;
}

export function sameRoute(a: Route, b: Route): boolean {
  return formatRoute(a, '/') === formatRoute(b, '/');
}

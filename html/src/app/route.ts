/** Addresses of the pages. A study is named by its number only: no names in addresses or in the browser's history. */

import { base } from '../shared/api/base';

export type ViewerMode = 'image' | 'mpr' | 'volume';

export type Route =
  | { page: 'studies' }
  | { page: 'settings' }
  | { page: 'about' }
  | { page: 'viewer'; mode: ViewerMode; studyId: number; seriesId: number | null }
  /** An address of ours that shows nothing, and why; `path` is what stands after the prefix. */
  | { page: 'nowhere'; reason: 'study' | 'unknown'; path: string };

/** Modes by their names in addresses. */
const modes: Readonly<Record<string, ViewerMode>> = { image: 'image', mpr: 'mpr', '3d': 'volume' };
const namesOfModes: Readonly<Record<ViewerMode, string>> = { image: 'image', mpr: 'mpr', volume: '3d' };
const pages: readonly string[] = ['', 'viewer', 'index.html'];

function toNumber(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : null;
}

/** Reads an address. One that leads nowhere says so: a mistyped number must not look like an empty list. */
export function parseRoute(href: string, basePath: string = base.pathname): Route {
  const url = new URL(href, globalThis.location.href);
  const path = url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) : '';
  const [first, name] = path.split('/');
  const mode = name !== undefined && Object.hasOwn(modes, name) ? modes[name] : undefined;
  if (first === 'viewer' && mode !== undefined) {
    const studyId = toNumber(url.searchParams.get('study'));
    if (studyId === null) return { page: 'nowhere', reason: 'study', path: path + url.search };
    return { page: 'viewer', mode, studyId, seriesId: toNumber(url.searchParams.get('series')) };
  }
  if (!pages.includes(first ?? '') || first === 'viewer') return { page: 'nowhere', reason: 'unknown', path: path + url.search };
  const page = url.searchParams.get('page');
  if (page === 'settings' || page === 'about') return { page };
  return { page: 'studies' };
}

export function formatRoute(route: Route, basePath: string = base.pathname): string {
  if (route.page === 'studies') return basePath;
  if (route.page === 'nowhere') return `${basePath}${route.path}`;
  if (route.page !== 'viewer') return `${basePath}?page=${route.page}`;
  const series = route.seriesId === null ? '' : `&series=${route.seriesId}`;
  return `${basePath}viewer/${namesOfModes[route.mode]}/?study=${route.studyId}${series}`;
}

export function sameRoute(a: Route, b: Route): boolean {
  return formatRoute(a, '/') === formatRoute(b, '/');
}

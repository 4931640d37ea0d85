/** Addresses of the pages. A study is named by its number only: no names in addresses or in the browser's history. */

import { base } from '../shared/api/base';

export type ViewerMode = 'image' | 'mpr' | '3d';

export type Route =
  | { page: 'studies' }
  | { page: 'settings' }
  | { page: 'about' }
  | { page: 'viewer'; mode: ViewerMode; studyId: number; seriesId: number | null };

const modes: readonly string[] = ['image', 'mpr', '3d'];

function toNumber(text: string | null): number | null {
  return text !== null && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : null;
}

/** Reads an address; what does not name a page of ours is the study list. */
export function parseRoute(href: string, basePath: string = base.pathname): Route {
  const url = new URL(href, globalThis.location.href);
  const path = url.pathname.startsWith(basePath) ? url.pathname.slice(basePath.length) : '';
  const [first, mode] = path.split('/');
  if (first === 'viewer' && mode !== undefined && modes.includes(mode)) {
    const studyId = toNumber(url.searchParams.get('study'));
    if (studyId !== null) {
      return { page: 'viewer', mode: mode as ViewerMode, studyId, seriesId: toNumber(url.searchParams.get('series')) };
    }
  }
  const page = url.searchParams.get('page');
  if (page === 'settings' || page === 'about') return { page };
  return { page: 'studies' };
}

export function formatRoute(route: Route, basePath: string = base.pathname): string {
  if (route.page === 'studies') return basePath;
  if (route.page !== 'viewer') return `${basePath}?page=${route.page}`;
  const series = route.seriesId === null ? '' : `&series=${route.seriesId}`;
  return `${basePath}viewer/${route.mode}/?study=${route.studyId}${series}`;
}

export function sameRoute(a: Route, b: Route): boolean {
  return formatRoute(a, '/') === formatRoute(b, '/');
}

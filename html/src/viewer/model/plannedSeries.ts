/** Series that this viewer makes carry in their names how many images they are to have: one that was not finished is known by it. */

import { seriesName } from './seriesName';

const MAX_LENGTH = 64;
const PLANNED = /\((\d{1,5}) (?:images?|imagem|imagens)\)$/;

/** @param write puts both together in the doctor's language */
export function plannedName(name: string, count: number, write: (values: { name: string; count: number }) => string): string {
  const short = name.replace(PLANNED, '').trim();
  const room = MAX_LENGTH - (write({ name: '', count }).length);
  return seriesName(write({ name: [...short].slice(0, room).join('').trim(), count }));
}

/** How many images a series was to have, null where its name does not say so or it has them all. */
export function missingOf(series: { series_description: string; image_count: number }): number | null {
  const planned = Number(PLANNED.exec(series.series_description)?.[1] ?? 0);
  return planned > series.image_count ? planned : null;
}

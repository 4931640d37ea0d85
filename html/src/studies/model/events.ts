/** Folds what happens on the server into the page of the list that is shown. Pure. */

import type { Study, StudyPage } from '../../shared/api/types';

export type StudyEvent =
  | { type: 'study_changed'; study_id: number; series_ids: number[]; instance_count: number; new: boolean }
  | { type: 'study_deleted'; study_ids: number[] };

export function toStudyEvent(message: unknown): StudyEvent | null {
  if (typeof message !== 'object' || message === null) return null;
  const event = message as Record<string, unknown>;
  if (event['type'] === 'study_changed' && typeof event['study_id'] === 'number') return event as unknown as StudyEvent;
  if (event['type'] === 'study_deleted' && Array.isArray(event['study_ids'])) return event as unknown as StudyEvent;
  return null;
}

/** What the events since the last look mean for the page: which rows to read anew, whether the whole page must be asked again. */
export interface Folded {
  changed: ReadonlySet<number>;
  /** A study came or is not on this page: only the server knows where it belongs. */
  askAgain: boolean;
}

export function foldEvents(page: StudyPage | undefined, events: readonly StudyEvent[]): Folded {
  const onPage = new Set(page?.studies.map((study) => study.study_id));
  const changed = new Set<number>();
  let askAgain = false;
  for (const event of events) {
    if (event.type === 'study_deleted') askAgain = true;
    else if (onPage.has(event.study_id)) changed.add(event.study_id);
    else askAgain = true;
  }
  return { changed, askAgain };
}

/** Rows that are new or have more images than before: they flash. Nothing flashes on the first look or on another search. */
export function arrivals(before: StudyPage | undefined, after: StudyPage): Set<number> {
  if (before === undefined) return new Set();
  const known = new Map(before.studies.map((study) => [study.study_id, study]));
  const fresh = after.studies.filter((study: Study) => {
    const old = known.get(study.study_id);
    return old === undefined ? after.total > before.total : old.instance_count !== study.instance_count;
  });
  return new Set(fresh.map((study) => study.study_id));
}

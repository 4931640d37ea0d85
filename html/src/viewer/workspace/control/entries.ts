/** What is stored one by one, so that two browser tabs do not overwrite each other's: one class for each kind of entry. */

import type { StudyWithSeries } from '../../../shared/api/types';
import type { SeriesDetail } from '../../model/series';

export interface Entries {
  /** Begins the name of each entry of this kind. */
  readonly letter: string;
  /** How many the doctor would miss. */
  readonly count: number;
  /** The entries as they are to be stored, by identifier; without the hidden ones. */
  texts(): ReadonlyMap<number, string>;
  /** Whether an entry is stored but not shown, since what it belongs to is not there. */
  hides(id: number): boolean;
  /** An entry as another page stored it; false where the text is broken. */
  take(id: number, text: string): boolean;
  /** Another page has deleted an entry. */
  drop(id: number): void;
  /** The series of the study are known, or others have come. */
  studyCame(study: StudyWithSeries): void;
  /** The images of a series are known, or others have come. */
  detailCame(detail: SeriesDetail): void;
}

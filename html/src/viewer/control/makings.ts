/** The new series that a study's page is making, for whoever shows that it is being made. */

import { Store } from './store';
import type { SeriesMaking } from './seriesMaking';
import type { ViewerController } from './viewer';

export interface Made {
  readonly making: SeriesMaking;
  readonly title: string;
  /** Opens the dialog that tells more. */
  readonly open: () => void;
}

const all = new WeakMap<ViewerController, Store<{ made: Made | null }>>();

export function makingsOf(viewer: ViewerController): Store<{ made: Made | null }> {
  const known = all.get(viewer) ?? new Store<{ made: Made | null }>({ made: null });
  all.set(viewer, known);
  return known;
}

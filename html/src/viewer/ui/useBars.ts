import { startTransition, useEffect, useState } from 'react';
import type { ViewerController, ViewerMode } from '../control/viewer';

/** A picture that takes longer than this is not worth waiting for: the doctor wants to see the bars. */
const AT_MOST_MS = 250;

/**
 * Whether bars and menus are there: from the first picture on. To draw them takes longer than all else of a study that
 * opens, and nothing in them can be used sooner. They are drawn in small parts, so that no picture waits for them.
 */
export function useBars(viewer: ViewerController, mode: ViewerMode): boolean {
  const [bars, setBars] = useState(false);
  useEffect(() => {
    if (bars) return;
    const show = (): void => startTransition(() => setBars(true));
    const { store } = viewer.cell(0);
    const look = (): void => {
      const { shown, fault } = store.get();
      if (shown !== null || fault !== null) show();
    };
    look();
    const leave = store.subscribe(look);
    const timer = window.setTimeout(show, AT_MOST_MS);
    return () => {
      leave();
      window.clearTimeout(timer);
    };
  }, [viewer, bars]);
  return bars || mode !== 'image'; // pages of volumes have bars of their own
}

import { useEffect, useRef, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { useSelected, useStore } from '../control/store';
import { asShown } from '../control/cellState';
import { useViewer } from './context';
import { imageLine, seriesLine, shownIndex, type Translate, windowName } from './corners';

const REST_MS = 900;

/** Says aloud where the doctor is, only when nothing moves. */
export function LiveRegion() {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { active, playing } = useStore(viewer.store);
  const cell = viewer.cell(active);
  const moving = useSelected(cell.store, ({ navigation }) => navigation.moving) || playing !== null;
  const last = useRef('');
  const text = useSelected(cell.store, (wish) => {
    if (wish.navigation.moving) return last.current;
    const state = asShown(wish);
    const total = state.detail?.frames.length ?? 0;
    const parts = [seriesLine(state), imageLine(state, shownIndex(state), { number: shownIndex(state) + 1, total }, t as Translate), windowName(state, t as Translate)];
    last.current = total === 0 ? '' : parts.filter((part) => part !== '').join('. ');
    return last.current;
  });
  const [said, say] = useState('');
  useEffect(() => {
    if (moving) return;
    const timer = window.setTimeout(() => say(text), REST_MS);
    return () => window.clearTimeout(timer);
  }, [text, moving]);
  return (
    <div className="wv-hidden" aria-live="polite" role="status">
      {said}
    </div>
  );
}

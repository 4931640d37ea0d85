import { useEffect, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { useStore } from '../control/store';
import { useViewer } from './context';
import { seriesLine, type Translate, windowName } from './corners';

const REST_MS = 900;

/** Says aloud where the doctor is, only when nothing moves. */
export function LiveRegion() {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { active, playing } = useStore(viewer.store);
  const cell = viewer.cell(active);
  const state = useStore(cell.store);
  const total = state.detail?.frames.length ?? 0;
  const text =
    total === 0 ? '' : [seriesLine(state), t('corner.image', { number: cell.index + 1, total }), windowName(state, t as Translate)].filter((part) => part !== '').join('. ');
  const [said, say] = useState('');
  useEffect(() => {
    if (state.navigation.moving || playing !== null) return;
    const timer = window.setTimeout(() => say(text), REST_MS);
    return () => window.clearTimeout(timer);
  }, [text, state.navigation.moving, playing]);
  return (
    <div className="wv-hidden" aria-live="polite" role="status">
      {said}
    </div>
  );
}

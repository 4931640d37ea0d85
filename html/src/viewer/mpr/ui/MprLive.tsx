import { useEffect, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { useViewer } from '../../ui/context';
import type { Translate } from '../../ui/corners';
import { useMpr } from './context';
import { planeName } from './texts';

const REST_MS = 900;

/** Says aloud where the doctor is, only when nothing moves. */
export function MprLive() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr } = useMpr();
  const { playing } = useStore(mpr.store);
  const kind = mpr.activePlane;
  const cell = mpr.cell(kind);
  const moving = useSelected(cell.store, ({ navigation }) => navigation.moving) || playing !== null;
  const text = useSelected(cell.store, ({ shown }) => {
    const seen = shown?.wish?.look ?? null;
    const { number, count } = mpr.steps(kind);
    return seen === null ? '' : t('mpr.live', { name: planeName(kind, seen, locale, t as Translate), number, total: count });
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

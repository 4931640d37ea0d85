import { useEffect, useRef, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { useViewer } from '../../ui/context';
import type { Translate } from '../../ui/corners';
import { useMpr } from './context';
import { useAskedVolumes, useWarnings } from './Messages';
import { planeName } from './texts';

const REST_MS = 900;

/** Says aloud where the doctor is, only when nothing moves; what is to be known of the volume once, before that. */
export function MprLive() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr } = useMpr();
  const { playing } = useStore(mpr.store);
  const kind = mpr.activePlane;
  const cell = mpr.cell(kind);
  const moving = useSelected(cell.store, ({ navigation }) => navigation.moving) || playing !== null;
  const text = useSelected(cell.store, ({ shown, opened }) => {
    const seen = shown?.wish?.look ?? null;
    const { number, count } = mpr.steps(kind);
    return seen === null ? '' : t('mpr.live', { name: planeName(kind, seen, locale, t as Translate, opened?.letters), number, total: count });
  });
  const [said, say] = useState('');
  const warnings = useWarnings();
  const asked = useAskedVolumes().length;
  const told = useRef<ReadonlySet<string>>(new Set());
  useEffect(() => {
    if (moving) return;
    const timer = window.setTimeout(() => {
      const words = [...(asked > 0 ? [t('mpr.volumes.which', { count: asked })] : []), ...warnings];
      const fresh = words.filter((word) => !told.current.has(word));
      told.current = new Set(words);
      say([...fresh, text].filter((part) => part !== '').join(' '));
    }, REST_MS);
    return () => window.clearTimeout(timer);
  }, [text, moving, warnings, asked, t]);
  return (
    <div className="wv-hidden" aria-live="polite" role="status">
      {said}
    </div>
  );
}

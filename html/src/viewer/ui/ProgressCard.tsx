import { useEffect, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import type { CellController } from '../control/cell';
import { useStore } from '../control/store';
import { formatNumber } from '../model/numbers';
import { useViewer } from './context';
import classes from './CellView.module.css';

const APPEARS_MS = 300;
const STAYS_MS = 400;

/** How much of the series is ready. Nothing for 300 ms; once there it stays long enough to be read. */
export function ProgressCard({ cell }: { cell: CellController }) {
  const { t } = useTranslation('viewer');
  const { locale, viewer } = useViewer();
  const { connection } = useStore(viewer.store);
  const { loading, reference, detail, frameCount, shown, fault } = useStore(cell.store);
  const total = loading?.total ?? detail?.frames.length ?? frameCount ?? 0;
  const waiting = reference.seriesId !== null && fault === null && total > 0 && connection.kind === 'open' && (loading !== null || shown === null);
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setVisible(waiting), waiting ? APPEARS_MS : STAYS_MS);
    return () => window.clearTimeout(timer);
  }, [waiting]);
  if (!visible) return null;
  const loaded = loading?.loaded ?? (waiting ? 0 : total);
  const share = total === 0 ? 0 : loaded / total;
  return (
    <div className={classes.progress} role="progressbar" aria-label={t('loading')} aria-valuemin={0} aria-valuemax={total} aria-valuenow={loaded}>
      <div className={classes.progressLine}>
        <span>{t('loading')}</span>
        <span>{t('loaded', { loaded: formatNumber(loaded, locale), total: formatNumber(total, locale) })}</span>
      </div>
      <div className={classes.progressTrack}>
        <span className={classes.progressBar} style={{ transform: `scaleX(${share})` }} />
      </div>
    </div>
  );
}

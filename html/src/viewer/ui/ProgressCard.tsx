import { useEffect, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import type { CellController } from '../control/cell';
import { useSelected } from '../control/store';
import { formatNumber } from '../model/numbers';
import { useViewer } from './context';
import classes from './CellView.module.css';

const APPEARS_MS = 300;
const STAYS_MS = 400;

/** How much of the series is ready. Nothing for 300 ms; once there it stays long enough to be read. */
export function ProgressCard({ cell }: { cell: CellController }) {
  const { t } = useTranslation('viewer');
  const { locale, viewer } = useViewer();
  const open = useSelected(viewer.store, ({ connection }) => connection.kind === 'open');
  const loading = useSelected(cell.store, (state) => state.loading);
  const known = useSelected(cell.store, ({ detail, frameCount }) => detail?.frames.length ?? frameCount ?? 0);
  const bare = useSelected(cell.store, ({ reference, fault, shown }) => reference.seriesId !== null && fault === null && shown === null);
  const total = loading?.total ?? known;
  const waiting = open && total > 0 && (loading !== null || bare);
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

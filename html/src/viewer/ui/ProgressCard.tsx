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
  const { locale, viewer, study } = useViewer();
  const connection = useSelected(viewer.store, (state) => state.connection.kind);
  const loading = useSelected(cell.store, (state) => state.loading);
  const known = useSelected(cell.store, ({ detail, frameCount }) => detail?.frames.length ?? frameCount ?? 0);
  const bare = useSelected(cell.store, ({ reference, fault, shown }) => reference.seriesId !== null && fault === null && shown === null);
  const total = loading?.total ?? known;
  const empty = useSelected(cell.store, ({ detail }) => detail?.frames.length === 0);
  const seriesId = useSelected(cell.store, ({ reference }) => reference.seriesId);
  const counted = connection === 'open' && total > 0 && (loading !== null || bare);
  // Nothing is known yet, of the study or of the series: a bar without a share.
  const opening = (connection === 'open' || connection === 'connecting') && !counted && !empty && (bare || (seriesId === null && study === null));
  const waiting = counted || opening;
  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setVisible(waiting), waiting ? APPEARS_MS : STAYS_MS);
    return () => window.clearTimeout(timer);
  }, [waiting]);
  if (!visible) return null;
  if (opening || total === 0) {
    const words = t(seriesId === null ? 'openingStudy' : 'opening');
    return (
      <div className={classes.progress} role="progressbar" aria-label={words}>
        <div className={classes.progressLine}>
          <span>{words}</span>
        </div>
        <div className={classes.progressTrack}>
          <span className={classes.progressAway} />
        </div>
      </div>
    );
  }
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

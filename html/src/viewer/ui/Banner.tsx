import { Button } from '@mantine/core';
import { IconArrowsExchange, IconFileUnknown, IconHourglass, IconServerOff, IconWifiOff, IconX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { ApiError } from '../../shared/api/client';
import { wordsFor } from '../../shared/api/words';
import { useTranslation } from '../../shared/i18n';
import { useStore } from '../control/store';
import { type Say, sayOf } from '../model/sentences';
import { useViewer } from './context';
import classes from './Banner.module.css';

/** A short break is nobody's business. */
const LOST_FROM_MS = 300;
const MOVING_FROM_MS = 1000;
const BUSY_FROM_MS = 2000;

/** Says that the connection is away and when it is tried again; lies over the windows and moves nothing. */
export function Banner() {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { viewer, closeTab, back } = useViewer();
  const { connection, deleted } = useStore(viewer.store);
  const away = !deleted && (connection.kind === 'lost' || connection.kind === 'moving' || connection.kind === 'busy' || connection.kind === 'away');
  const [folded, setFolded] = useState(false);
  const [, tick] = useState(0);
  useEffect(() => {
    if (!away) return;
    const timer = window.setInterval(() => tick((count) => count + 1), 200);
    return () => window.clearInterval(timer);
  }, [away]);
  if (deleted) {
    if (folded) {
      return (
        <button type="button" className={classes.folded} onClick={() => setFolded(false)}>
          <IconFileUnknown size={16} stroke={1.7} aria-hidden />
          {t('study.deleted')}
        </button>
      );
    }
    return (
      <div className={classes.banner} data-slim="" role="alert">
        <IconFileUnknown size={16} stroke={1.7} aria-hidden />
        <span className={classes.words}>
          <b>{t('study.deleted')}</b> {t('study.deletedText')}
        </span>
        <Button size="compact-xs" variant="outline" className={classes.button} onClick={closeTab}>
          {t('study.closeTab')}
        </Button>
        <Button size="compact-xs" variant="outline" className={classes.button} onClick={back}>
          {t('study.back')}
        </Button>
        <button type="button" className={classes.fold} aria-label={t('study.fold')} title={t('study.fold')} onClick={() => setFolded(true)}>
          <IconX size={14} stroke={1.7} aria-hidden />
        </button>
      </div>
    );
  }
  if (connection.kind === 'failed') {
    return (
      <div className={classes.banner} role="alert">
        <IconWifiOff size={18} stroke={1.7} aria-hidden />
        <span>{t(`connection.${connection.reason}`)}</span>
        <Button size="compact-sm" variant="outline" className={classes.button} onClick={() => window.location.reload()}>
          {t('common:page.reload')}
        </Button>
      </div>
    );
  }
  if (!away) return null;
  const since = viewer.clock.now() - connection.since;
  if (connection.kind === 'moving') {
    if (since < MOVING_FROM_MS) return null;
    return (
      <div className={classes.banner} role="status">
        <IconArrowsExchange size={18} stroke={1.7} aria-hidden />
        <span>{t('connection.moving')}</span>
      </div>
    );
  }
  const left = connection.retryAt === null ? 0 : Math.max(0, Math.ceil((connection.retryAt - viewer.clock.now()) / 1000));
  const when = left > 0 ? t('connection.in', { seconds: left }) : t('connection.now');
  if (connection.kind === 'busy') {
    if (since < BUSY_FROM_MS) return null;
    return (
      <div className={classes.banner}>
        <IconHourglass size={18} stroke={1.7} aria-hidden />
        <span role="status">{connection.code === undefined ? t('connection.busy') : sayOf(t as unknown as Say, { code: connection.code, numbers: [], text: '' })}</span>
        <span className={classes.count}>{when}</span>
      </div>
    );
  }
  if (since < LOST_FROM_MS) return null;
  const lacking = connection.kind === 'away' ? wordsFor(new ApiError(503, connection.code, '')) : null;
  return (
    <div className={classes.banner}>
      {lacking === null ? <IconWifiOff size={18} stroke={1.7} aria-hidden /> : <IconServerOff size={18} stroke={1.7} aria-hidden />}
      <span role="status">
        {lacking ?? (
          <>
            <b>{t('connection.lost')}</b> {t('connection.kept')}
          </>
        )}
      </span>
      {/* Counting aloud every second would be noise. */}
      <span className={classes.count}>{when}</span>
      <Button size="compact-sm" variant="outline" className={classes.button} onClick={() => viewer.connection.tryNow()}>
        {t('connection.tryNow')}
      </Button>
    </div>
  );
}

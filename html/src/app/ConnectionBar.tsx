import { UnstyledButton } from '@mantine/core';
import { IconWifiOff } from '@tabler/icons-react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { eventSocket } from '../shared/events/eventSocket';
import { iconStroke } from '../shared/icons';
import { useTranslation } from '../shared/i18n';
import classes from './Shell.module.css';

/** A gap shorter than this is nobody's business: the socket is back before anybody reads. */
const patienceMs = 2500;

/** Says that the connection is lost, and when the next try is due. */
export function ConnectionBar() {
  const { t } = useTranslation('app');
  const { connected: isConnected, retryAt, isAskedToWait } = useSyncExternalStore(eventSocket.onState, eventSocket.getState);
  const connected = isConnected || isAskedToWait;
  const [shown, setShown] = useState(false);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (connected) {
      setShown(false);
      return;
    }
    const timer = window.setTimeout(() => setShown(true), patienceMs);
    return () => window.clearTimeout(timer);
  }, [connected]);
  useEffect(() => {
    if (!shown) return;
    const timer = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, [shown]);
  if (!shown || connected) return null;
  const seconds = retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - now) / 1000));
  return (
    <div className={classes.offline} role="status">
      <IconWifiOff size={16} stroke={iconStroke} aria-hidden />
      <span>{seconds > 0 ? t('offline', { seconds }) : t('offlineNow')}</span>
      <UnstyledButton className={classes.offlineButton} onClick={eventSocket.retryNow}>
        {t('common:tryAgain')}
      </UnstyledButton>
    </div>
  );
}

import { Button } from '@mantine/core';
import { IconMapPinOff } from '@tabler/icons-react';
import { iconStroke } from '../shared/icons';
import { useTranslation } from '../shared/i18n';
import type { Route } from './route';
import classes from './Nowhere.module.css';

/** An address that shows nothing: says why, and what to do next. */
export function Nowhere({ route, onGo }: { route: Extract<Route, { page: 'nowhere' }>; onGo: (route: Route) => void }) {
  const { t } = useTranslation('app');
  const { reason } = route;
  return (
    <main className={classes.page}>
      <IconMapPinOff size={32} stroke={iconStroke} aria-hidden className={classes.icon} />
      <h1>{t(`nowhere.${reason}.title`)}</h1>
      <p>{t(`nowhere.${reason}.text`)}</p>
      <div className={classes.actions}>
        <Button onClick={() => onGo({ page: 'studies' })}>{t('nowhere.list')}</Button>
      </div>
    </main>
  );
}

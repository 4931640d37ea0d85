import { Button, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconActivityHeartbeat, IconLogout, IconShieldLock } from '@tabler/icons-react';
import { address, api } from '../shared/api/client';
import { iconStroke, Logo } from '../shared/icons';
import { registerNamespace, useTranslation } from '../shared/i18n';
import { useUserPreferences } from '../shared/session/preferences';
import { session, useSession } from '../shared/session/store';
import { LanguageMenu, ThemeSwitch } from '../shared/ui/Controls';
import { StatePage } from '../shared/ui/StatePage';
import classes from './admin.module.css';
import en from './i18n/en.json';
import pt from './i18n/pt.json';
import { ServerStatePage } from './StatePage';

registerNamespace('admin', { en, pt });

async function signOut(): Promise<void> {
  await api.post('/v2/auth/sign-out', undefined, { quiet401: true }).catch(() => undefined);
  session.signOut();
}

/** The administrator's console behind the sign-in; a doctor is told in words why he cannot be here. */
export function AdminConsole() {
  const { user } = useSession();
  useUserPreferences();
  return user?.is_administrator === true ? <Console /> : <Refused name={user?.user_name ?? ''} />;
}

function Refused({ name }: { name: string }) {
  const { t } = useTranslation('admin');
  return (
    <StatePage icon={<IconShieldLock size={30} stroke={iconStroke} />} title={t('refused.title')} text={t('refused.text', { name })}>
      <Button size="md" onClick={() => globalThis.location.assign(address('/'))}>
        {t('refused.studies')}
      </Button>
      <Button size="md" variant="default" onClick={() => void signOut()}>
        {t('refused.other')}
      </Button>
    </StatePage>
  );
}

function Console() {
  const { t } = useTranslation('admin');
  const narrow = useMediaQuery('(max-width: 767px)', false, { getInitialValueInEffect: false });
  return (
    <div className={classes.console} data-narrow={narrow || undefined}>
      <nav className={classes.navbar} aria-label={t('console')}>
        <div className={classes.brand}>
          <Logo size={26} />
          <div>
            <strong>{t('common:product')}</strong>
            <span>{t('console')}</span>
          </div>
        </div>
        <UnstyledButton className={classes.place} aria-current="page">
          <IconActivityHeartbeat size={18} stroke={iconStroke} aria-hidden />
          {t('state')}
        </UnstyledButton>
        <span className={classes.spring} />
        <UnstyledButton className={classes.place} onClick={() => void signOut()}>
          <IconLogout size={18} stroke={iconStroke} aria-hidden />
          {t('common:signOut')}
        </UnstyledButton>
        <div className={classes.controls}>
          <LanguageMenu />
          <ThemeSwitch />
        </div>
      </nav>
      <ServerStatePage />
    </div>
  );
}

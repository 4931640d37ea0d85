import { UnstyledButton } from '@mantine/core';
import { IconCloudUpload, IconInfoCircle, IconListDetails, IconLogout, IconSettings } from '@tabler/icons-react';
import { iconStroke } from '../shared/icons';
import { useTranslation } from '../shared/i18n';
import { LanguageMenu, ThemeToggle } from '../shared/ui/Controls';
import type { Route } from './route';
import classes from './Rail.module.css';

interface NavigationProps {
  route: Route;
  onGo: (route: Route) => void;
}

type Place = 'studies' | 'settings' | 'about';

const places: readonly { page: Place; Icon: typeof IconSettings }[] = [
  { page: 'studies', Icon: IconListDetails },
  { page: 'settings', Icon: IconSettings },
  { page: 'about', Icon: IconInfoCircle },
];

/** The rail of the user area: places above, language, theme and sign-out below. `wide` in the drawer. */
export function Rail({ route, onGo, onSignOut, wide = false }: NavigationProps & { onSignOut: () => void; wide?: boolean }) {
  const { t } = useTranslation('app');
  return (
    <nav className={classes.rail} data-wide={wide || undefined} aria-label={t('navigation')} data-zone="rail">
      {places.map(({ page, Icon }) => (
        <UnstyledButton key={page} className={classes.place} aria-current={route.page === page ? 'page' : undefined} onClick={() => onGo({ page })}>
          <Icon size={20} stroke={iconStroke} aria-hidden />
          <span>{t(page)}</span>
        </UnstyledButton>
      ))}
      <span className={classes.spring} />
      <LanguageMenu compact={wide ? 'wide' : 'narrow'} />
      <ThemeToggle wide={wide} />
      <UnstyledButton className={classes.place} onClick={onSignOut}>
        <IconLogout size={wide ? 20 : 18} stroke={iconStroke} aria-hidden />
        <span>{t('common:signOut')}</span>
      </UnstyledButton>
    </nav>
  );
}

/** The bar at the foot of a phone. */
export function BottomBar({ route, onGo, transfersOpen, onTransfers }: NavigationProps & { transfersOpen: boolean; onTransfers: (open: boolean) => void }) {
  const { t } = useTranslation('app');
  const go = (page: Place) => () => {
    onTransfers(false);
    onGo({ page });
  };
  const item = (label: string, Icon: typeof IconSettings, current: boolean, onClick: () => void) => (
    <UnstyledButton className={classes.bottom} aria-current={current ? 'page' : undefined} onClick={onClick}>
      <Icon size={22} stroke={iconStroke} aria-hidden />
      <span>{label}</span>
    </UnstyledButton>
  );
  return (
    <nav className={classes.bar} aria-label={t('navigation')} data-zone="rail">
      {item(t('studies'), IconListDetails, route.page === 'studies' && !transfersOpen, go('studies'))}
      {item(t('transfers'), IconCloudUpload, transfersOpen, () => onTransfers(true))}
      {item(t('settings'), IconSettings, route.page === 'settings' && !transfersOpen, go('settings'))}
    </nav>
  );
}

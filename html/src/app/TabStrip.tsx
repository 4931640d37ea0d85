import { UnstyledButton } from '@mantine/core';
import { IconListDetails, IconX, IconPhotoScan } from '@tabler/icons-react';
import type { KeyboardEvent, ReactNode } from 'react';
import { iconStroke, Logo } from '../shared/icons';
import { useTranslation } from '../shared/i18n';
import { DarkScope } from '../shared/theme/DarkScope';
import type { Route } from './route';
import { routeOf, type Tab } from './tabs';
import classes from './TabStrip.module.css';

interface TabStripProps {
  tabs: readonly Tab[];
  route: Route;
  onGo: (route: Route) => void;
  onClose: (studyId: number) => void;
  left?: ReactNode;
  right: ReactNode;
}

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')];
  const at = all.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  let next: number | null = null;
  if (event.key in steps) next = (at + (steps[event.key] as number) + all.length) % all.length;
  if (event.key === 'Home') next = 0;
  if (event.key === 'End') next = all.length - 1;
  if (next === null) return;
  event.preventDefault();
  all[next]?.focus();
}

/** The strip of tabs: the list and one tab for each open study. Dark in both themes. */
export function TabStrip({ tabs, route, onGo, onClose, left, right }: TabStripProps) {
  const { t } = useTranslation('app');
  const activeStudy = route.page === 'viewer' ? route.studyId : null;
  return (
    <DarkScope className={classes.scope}>
      <header className={classes.strip} data-zone="strip">
        <div className={classes.logo}>{left ?? <Logo size={18} title={t('common:product')} />}</div>
        <div className={classes.tabs} role="tablist" aria-label={t('openStudies')} onKeyDown={moveFocus}>
          <div className={classes.tab} role="presentation" data-active={activeStudy === null || undefined}>
            <UnstyledButton
              role="tab"
              id="tab-studies"
              className={classes.name}
              aria-selected={activeStudy === null}
              tabIndex={activeStudy === null ? 0 : -1}
              onClick={() => onGo({ page: 'studies' })}
            >
              <IconListDetails size={17} stroke={iconStroke} aria-hidden />
              <span>{t('studies')}</span>
            </UnstyledButton>
          </div>
          {tabs.map((tab) => {
            const active = tab.studyId === activeStudy;
            const title = tab.title || t('study');
            return (
              <div key={tab.studyId} className={classes.tab} role="presentation" data-active={active || undefined}>
                <UnstyledButton
                  role="tab"
                  id={`tab-${tab.studyId}`}
                  className={classes.name}
                  aria-selected={active}
                  aria-controls={`panel-${tab.studyId}`}
                  tabIndex={active ? 0 : -1}
                  title={title}
                  onClick={() => onGo(routeOf(tab))}
                  onAuxClick={(event) => event.button === 1 && onClose(tab.studyId)}
                  onKeyDown={(event) => {
                    if (event.key === 'Delete') onClose(tab.studyId);
                  }}
                >
                  <IconPhotoScan size={17} stroke={iconStroke} aria-hidden />
                  <span>{title}</span>
                </UnstyledButton>
                <UnstyledButton className={classes.close} tabIndex={-1} aria-label={t('common:closeTab', { title })} onClick={() => onClose(tab.studyId)}>
                  <IconX size={14} stroke={iconStroke} aria-hidden />
                </UnstyledButton>
              </div>
            );
          })}
        </div>
        <div className={classes.right}>{right}</div>
      </header>
    </DarkScope>
  );
}

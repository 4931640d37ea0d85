import { Menu, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronLeft, IconChevronRight, IconListDetails, IconPhotoScan, IconX } from '@tabler/icons-react';
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';
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

interface Hidden {
  left: boolean;
  right: boolean;
}

/** On which sides tabs are scrolled out of sight. */
function useHidden(scroller: RefObject<HTMLElement | null>, count: number): Hidden {
  const [hidden, setHidden] = useState<Hidden>({ left: false, right: false });
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const look = (): void => {
      const left = element.scrollLeft > 1;
      const right = element.scrollLeft + element.clientWidth < element.scrollWidth - 1;
      setHidden((old) => (old.left === left && old.right === right ? old : { left, right }));
    };
    look();
    element.addEventListener('scroll', look, { passive: true });
    const watch = new ResizeObserver(look);
    watch.observe(element);
    return () => {
      element.removeEventListener('scroll', look);
      watch.disconnect();
    };
  }, [scroller, count]);
  return hidden;
}

/** The strip of tabs: the list and one tab for each open study. Dark in both themes. */
export function TabStrip(props: TabStripProps) {
  return (
    <DarkScope className={classes.scope}>
      <Strip {...props} />
    </DarkScope>
  );
}

function Strip({ tabs, route, onGo, onClose, left, right }: TabStripProps) {
  const { t } = useTranslation('app');
  const activeStudy = route.page === 'viewer' ? route.studyId : null;
  const scroller = useRef<HTMLDivElement>(null);
  const hidden = useHidden(scroller, tabs.length);
  const overflows = hidden.left || hidden.right;
  const name = (tab: Tab): string => tab.title || t('study');

  useEffect(() => {
    if (activeStudy === null) return;
    document.getElementById(`tab-${activeStudy}`)?.parentElement?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [activeStudy, tabs.length, overflows]);

  const scroll = (step: 1 | -1) => (): void => {
    const element = scroller.current;
    element?.scrollBy({ left: step * Math.max(140, element.clientWidth - 140), behavior: 'smooth' });
  };
  const arrow = (label: string, Icon: typeof IconChevronLeft, off: boolean, step: 1 | -1) => (
    <UnstyledButton className={classes.arrow} aria-label={label} disabled={off} tabIndex={-1} onClick={scroll(step)}>
      <Icon size={17} stroke={iconStroke} aria-hidden />
    </UnstyledButton>
  );

  return (
    <header className={classes.strip} data-zone="strip">
      <div className={classes.logo}>{left ?? <Logo size={18} title={t('common:product')} />}</div>
      {/* The list of tabs owns the tabs alone: the buttons that close them lie beside them, not in it. */}
      <span role="tablist" aria-label={t('openStudies')} aria-owns={['tab-studies', ...tabs.map((tab) => `tab-${tab.studyId}`)].join(' ')} />
      <div className={classes.tabs} onKeyDown={moveFocus}>
        <div className={classes.tab} data-fixed data-active={activeStudy === null || undefined}>
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
        {overflows && arrow(t('scrollLeft'), IconChevronLeft, !hidden.left, -1)}
        <div ref={scroller} className={classes.scroller}>
          {tabs.map((tab) => {
            const active = tab.studyId === activeStudy;
            const title = name(tab);
            return (
              <div key={tab.studyId} className={classes.tab} data-active={active || undefined}>
                <UnstyledButton
                  role="tab"
                  id={`tab-${tab.studyId}`}
                  className={classes.name}
                  aria-selected={active}
                  aria-controls={`panel-${tab.studyId}`}
                  aria-keyshortcuts="Delete"
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
        {overflows && (
          <>
            {arrow(t('scrollRight'), IconChevronRight, !hidden.right, 1)}
            <Menu position="bottom-end" width={320}>
              <Menu.Target>
                <UnstyledButton className={classes.arrow} aria-label={t('allTabs')}>
                  <IconChevronDown size={17} stroke={iconStroke} aria-hidden />
                </UnstyledButton>
              </Menu.Target>
              <Menu.Dropdown>
                {tabs.map((tab) => (
                  <Menu.Item
                    key={tab.studyId}
                    aria-current={tab.studyId === activeStudy ? 'page' : undefined}
                    leftSection={<IconPhotoScan size={16} stroke={iconStroke} aria-hidden />}
                    onClick={() => onGo(routeOf(tab))}
                  >
                    {name(tab)}
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
          </>
        )}
      </div>
      <div className={classes.right}>{right}</div>
    </header>
  );
}

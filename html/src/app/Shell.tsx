import '@mantine/notifications/styles.css';
import { Drawer, Menu, UnstyledButton } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { Notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { IconPhotoScan, IconChevronDown, IconCheck, IconCloudUpload, IconInfoCircle, IconLanguage, IconLogout, IconMenu2, IconMoon, IconSettings, IconSun, IconUser } from '@tabler/icons-react';
import { type ReactNode, Suspense, useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { AboutPage, SettingsPage } from '../settings';
import type { Study } from '../shared/api/types';
import { eventSocket } from '../shared/events/eventSocket';
import { iconStroke, Logo } from '../shared/icons';
import { languageNames, languages, localeOf, useTranslation } from '../shared/i18n';
import { usePreferences, useUserPreferences } from '../shared/session/preferences';
import { useSession } from '../shared/session/store';
import { DarkScope } from '../shared/theme/DarkScope';
import { DropFrame, StudiesPage, UploadPanel, useUploadGuard } from '../studies';
import { ConnectionBar } from './ConnectionBar';
import { BottomBar, Rail } from './Rail';
import { Nowhere } from './Nowhere';
import { PartBoundary } from './PartBoundary';
import { lazyPart } from './lazyPart';
import classes from './Shell.module.css';
import type { ViewerMode } from './route';
import { routeOf } from './tabs';
import { TabStrip } from './TabStrip';
import { signOut } from './signOut';
import { useTabs, type Tabs } from './useTabs';
import { useReadyToOpen } from './useReadyToOpen';
import { useTabTitles } from './useTabTitles';
import { useZoneKey } from './useZoneKey';

const { Part: ViewerTab, preload: loadViewer } = lazyPart(() => import('../viewer').then((module) => module.ViewerTab));

/** Everything behind the sign-in: the strip of tabs, the rail, the page shown, and the open studies. */
export default function Shell() {
  const { t } = useTranslation('app');
  const { user } = useSession();
  const userId = user?.user_id ?? 0;
  const tabs = useTabs(userId);
  const { route, go } = tabs;
  const phone = useMediaQuery('(max-width: 767px), (max-height: 499px)', false, { getInitialValueInEffect: false });
  const narrow = useMediaQuery('(max-width: 1023px)', false, { getInitialValueInEffect: false });
  const wide = useMediaQuery('(min-width: 1280px)', true, { getInitialValueInEffect: false });
  // Beside the list the panel docks; elsewhere it comes as a drawer, which goes when another page is shown.
  const [panel, setPanel] = useState(false);
  const [panelDrawer, setPanelDrawer] = useState(false);
  const [drawer, setDrawer] = useState(false);
  const transfers = useUploadGuard(userId);
  useUserPreferences();
  useZoneKey();

  useEffect(() => {
    eventSocket.start();
    const stopListening = eventSocket.onEvent((event) => {
      if (event['type'] === 'study_deleted' && Array.isArray(event['study_ids'])) forgetWork(userId, event['study_ids'] as number[]);
    });
    return () => {
      stopListening();
      eventSocket.stop();
    };
  }, [userId]);

  useEffect(() => {
    // The doctor will open a study next: have its code ready, but not before the list.
    const load = (): void => void loadViewer().catch(() => undefined);
    if (typeof window.requestIdleCallback !== 'function') {
      const timer = window.setTimeout(load, 300);
      return () => window.clearTimeout(timer);
    }
    const idle = window.requestIdleCallback(load, { timeout: 800 });
    return () => window.cancelIdleCallback(idle);
  }, []);

  const open = useCallback(
    (study: Study, seriesId: number | null, title: string, mode: ViewerMode) => go({ page: 'viewer', mode, studyId: study.study_id, seriesId }, title, study.first_series_id),
    [go],
  );
  // The tabs of deleted studies stay and say so; a study that is open learns it by asking, also without the event.
  const client = useQueryClient();
  const deleted = useCallback(
    (studyIds: readonly number[]) => {
      forgetWork(userId, studyIds);
      for (const studyId of studyIds) void client.invalidateQueries({ queryKey: ['study', studyId], exact: true });
    },
    [client, userId],
  );
  const viewing = route.page === 'viewer';
  const shownStudy = viewing ? route.studyId : null;
  // A study asks the server for a stream only once it is looked at: after a reload twelve at once would be refused.
  const [seen, setSeen] = useState<ReadonlySet<number>>(new Set());
  if (shownStudy !== null && !seen.has(shownStudy)) setSeen(new Set([...seen, shownStudy]));
  useTabTitles(tabs);
  const list = useRef<HTMLDivElement>(null);
  useReadyToOpen(list, route.page === 'studies');
  const docks = phone || (wide && !viewing);
  // The list is not drawn again because the panel would now open elsewhere.
  const docksNow = useRef(docks);
  useLayoutEffect(() => {
    docksNow.current = docks;
  });
  const openPanel = useCallback(() => (docksNow.current ? setPanel(true) : setPanelDrawer(true)), []);
  useEffect(() => setPanelDrawer(false), [route]);
  const leave = (): void => void signOut();

  let page: ReactNode = null;
  if (route.page === 'settings') page = <SettingsPage />;
  if (route.page === 'about') page = <AboutPage />;
  if (route.page === 'nowhere') page = <Nowhere route={route} onGo={go} />;
  if (phone && panel) {
    page = (
      <main className={classes.main}>
        <UploadPanel onClose={null} />
      </main>
    );
  }

  return (
    <div className={classes.shell}>
      {phone && !viewing && <PhoneBar tabs={tabs} title={panel ? t('transfers') : t(route.page === 'nowhere' ? 'studies' : route.page)} transfers={transfers} onTransfers={openPanel} onSignOut={leave} onGo={() => setPanel(false)} />}
      {!phone && (
        <TabStrip
          tabs={tabs.tabs}
          route={route}
          onGo={go}
          onClose={tabs.close}
          left={
            narrow ? (
              <UnstyledButton className={classes.stripButton} aria-label={t('menu')} onClick={() => setDrawer(true)}>
                <IconMenu2 size={19} stroke={iconStroke} aria-hidden />
              </UnstyledButton>
            ) : undefined
          }
          right={<StripRight transfers={transfers} onTransfers={() => (docks ? setPanel((old) => !old) : setPanelDrawer((old) => !old))} onGo={go} onSignOut={leave} />}
        />
      )}
      {/* The viewer has a notice of its own, over its picture. */}
      {!viewing && <ConnectionBar />}
      <div className={classes.body}>
        <div className={classes.page} hidden={viewing}>
          {!narrow && <Rail route={route} onGo={go} onSignOut={leave} />}
          {/* The list stays as it is while a study is read or the settings are open: search, page and scroll are kept. */}
          <div ref={list} className={classes.main} data-zone="page" hidden={page !== null}>
            <StudiesPage phone={phone} onOpen={open} onDeleted={deleted} onUpload={openPanel} />
          </div>
          {page !== null && (
            <div className={classes.main} data-zone="page">
              {page}
            </div>
          )}
          {wide && panel && (
            <aside className={classes.panel} data-zone="panel">
              <UploadPanel onClose={() => setPanel(false)} />
            </aside>
          )}
        </div>
        <main className={classes.viewers} hidden={!viewing}>
          {tabs.tabs.map((tab) => {
            const active = viewing && route.studyId === tab.studyId;
            return (
              <div key={tab.studyId} id={`panel-${tab.studyId}`} role="tabpanel" aria-labelledby={`tab-${tab.studyId}`} className={classes.viewer} hidden={!active}>
                {seen.has(tab.studyId) && (
                  <PartBoundary>
                    <Suspense fallback={<span className="wv-hidden">{t('loading')}</span>}>
                      <ViewerTab
                        studyId={tab.studyId}
                        seriesId={tab.seriesId}
                        firstSeriesId={tab.firstSeriesId}
                        mode={tab.mode}
                        active={active}
                        onTitle={(title) => tabs.setTitle(tab.studyId, title)}
                        onMode={(mode, seriesId) => go({ page: 'viewer', mode, studyId: tab.studyId, seriesId })}
                        onBack={() => go({ page: 'studies' })}
                        onClose={() => tabs.close(tab.studyId)}
                      />
                    </Suspense>
                  </PartBoundary>
                )}
              </div>
            );
          })}
        </main>
      </div>
      {phone && !viewing && <BottomBar route={route} onGo={go} transfersOpen={panel} onTransfers={setPanel} />}
      {!docks && (
        <Drawer opened={panelDrawer} onClose={() => setPanelDrawer(false)} position="right" size={332} withCloseButton={false} padding={0} styles={{ body: { height: '100%' } }}>
          <UploadPanel onClose={() => setPanelDrawer(false)} />
        </Drawer>
      )}
      <Drawer opened={drawer && narrow && !phone} onClose={() => setDrawer(false)} size={260} title={t('common:product')} closeButtonProps={{ 'aria-label': t('common:close') }}>
        <Rail
          wide
          route={route}
          onSignOut={leave}
          onGo={(to) => {
            setDrawer(false);
            go(to);
          }}
        />
      </Drawer>
      <DropFrame onDropped={openPanel} />
      <Notifications position="bottom-right" autoClose={4000} />
    </div>
  );
}

/** Removes what this browser kept of a user's work on deleted studies. */
function forgetWork(userId: number, studyIds: readonly number[]): void {
  // What cannot be removed now is evicted later, as the oldest.
  void import('../viewer').then((viewer) => viewer.forgetWork(userId, studyIds)).catch(() => undefined);
}

function StripRight({ transfers, onTransfers, onGo, onSignOut }: { transfers: number; onTransfers: () => void; onGo: Tabs['go']; onSignOut: () => void }) {
  const { t } = useTranslation('app');
  const { user } = useSession();
  return (
    <>
      <UnstyledButton className={classes.stripButton} aria-label={transfers > 0 ? t('transfersRunning', { count: transfers }) : t('transfersOpen')} onClick={onTransfers}>
        <IconCloudUpload size={18} stroke={iconStroke} aria-hidden />
        {transfers > 0 && <span>{transfers}</span>}
      </UnstyledButton>
      <Menu position="bottom-end" width={200}>
        <Menu.Target>
          <UnstyledButton className={classes.stripButton}>
            <IconUser size={17} stroke={iconStroke} aria-hidden />
            <span className={classes.userName}>{user?.user_name}</span>
            <IconChevronDown size={15} stroke={iconStroke} aria-hidden />
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconSettings size={16} stroke={iconStroke} />} onClick={() => onGo({ page: 'settings' })}>
            {t('settings')}
          </Menu.Item>
          <Menu.Item leftSection={<IconInfoCircle size={16} stroke={iconStroke} />} onClick={() => onGo({ page: 'about' })}>
            {t('about')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item leftSection={<IconLogout size={16} stroke={iconStroke} />} onClick={onSignOut}>
            {t('common:signOut')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

interface PhoneBarProps {
  tabs: Tabs;
  title: string;
  transfers: number;
  onTransfers: () => void;
  onSignOut: () => void;
  onGo: () => void;
}

/** The top bar of a phone: what is shown, the transfers, and the menu with the open studies. */
function PhoneBar({ tabs, title, transfers, onTransfers, onSignOut, onGo }: PhoneBarProps) {
  const { t } = useTranslation('app');
  const { language, setLanguage, theme, setTheme } = usePreferences();
  return (
    <DarkScope>
      <section className={classes.phoneBar} data-zone="strip" aria-label={t('menu')}>
        <Logo size={22} />
        <h1>{title}</h1>
        <UnstyledButton className={classes.phoneButton} aria-label={transfers > 0 ? t('transfersRunning', { count: transfers }) : t('transfersOpen')} onClick={onTransfers}>
          <IconCloudUpload size={22} stroke={iconStroke} aria-hidden />
          {transfers > 0 && <span className={classes.badge}>{transfers}</span>}
        </UnstyledButton>
        <Menu position="bottom-end" width={260}>
          <Menu.Target>
            <UnstyledButton className={classes.phoneButton} aria-label={t('menu')}>
              <IconMenu2 size={22} stroke={iconStroke} aria-hidden />
            </UnstyledButton>
          </Menu.Target>
          <Menu.Dropdown>
            {tabs.tabs.length > 0 && <Menu.Label>{t('openStudies')}</Menu.Label>}
            {tabs.tabs.map((tab) => (
              <Menu.Item key={tab.studyId} mih={44} leftSection={<IconPhotoScan size={18} stroke={iconStroke} />} onClick={() => tabs.go(routeOf(tab))}>
                {tab.title || t('study')}
              </Menu.Item>
            ))}
            {tabs.tabs.length > 0 && <Menu.Divider />}
            <Menu.Item
              mih={44}
              leftSection={<IconInfoCircle size={18} stroke={iconStroke} />}
              onClick={() => {
                onGo();
                tabs.go({ page: 'about' });
              }}
            >
              {t('about')}
            </Menu.Item>
            <Menu.Divider />
            <Menu.Label>{t('common:language')}</Menu.Label>
            {languages.map((one) => (
              <Menu.Item
                key={one}
                mih={44}
                lang={localeOf[one]}
                aria-current={one === language ? 'true' : undefined}
                leftSection={<IconLanguage size={18} stroke={iconStroke} />}
                rightSection={one === language ? <IconCheck size={16} aria-hidden /> : undefined}
                onClick={() => setLanguage(one)}
              >
                {languageNames[one]}
              </Menu.Item>
            ))}
            <Menu.Item
              mih={44}
              leftSection={theme === 'dark' ? <IconSun size={18} stroke={iconStroke} /> : <IconMoon size={18} stroke={iconStroke} />}
              onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark')}
            >
              {t(theme === 'dark' ? 'common:switchToLight' : 'common:switchToDark')}
            </Menu.Item>
            <Menu.Divider />
            <Menu.Item mih={44} leftSection={<IconLogout size={18} stroke={iconStroke} />} onClick={onSignOut}>
              {t('common:signOut')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </section>
    </DarkScope>
  );
}

import { useMediaQuery } from '@mantine/hooks';
import { lazy, Suspense, useEffect } from 'react';
import { useTranslation } from '../shared/i18n';
import { useUserPreferences } from '../shared/session/preferences';
import { useSession } from '../shared/session/store';
import { StudiesPage } from '../studies';
import classes from './Shell.module.css';
import { TabStrip } from './TabStrip';
import { useTabs } from './useTabs';

const loadViewer = () => import('../viewer');
const ViewerTab = lazy(() => loadViewer().then((module) => ({ default: module.ViewerTab })));

/** Everything behind the sign-in: the strip of tabs, the rail, the page shown, and the open studies. */
export default function Shell() {
  const { t } = useTranslation('app');
  const { user } = useSession();
  const tabs = useTabs(user?.user_id ?? 0);
  const phone = useMediaQuery('(max-width: 767px)', false, { getInitialValueInEffect: false });
  useUserPreferences();
  useEffect(() => {
    // The doctor will open a study next: have its code ready.
    const timer = window.setTimeout(() => void loadViewer().catch(() => undefined), 800);
    return () => window.clearTimeout(timer);
  }, []);
  const { route } = tabs;
  const viewing = route.page === 'viewer';
  return (
    <div className={classes.shell}>
      {!(phone && viewing) && <TabStrip tabs={tabs.tabs} route={route} onGo={tabs.go} onClose={tabs.close} right={null} />}
      <div className={classes.body}>
        <div className={classes.page} hidden={viewing}>
          {!viewing && <StudiesPage onOpen={(studyId, seriesId, title) => tabs.go({ page: 'viewer', mode: 'image', studyId, seriesId }, title)} />}
        </div>
        {tabs.tabs.map((tab) => {
          const active = viewing && route.studyId === tab.studyId;
          return (
            <div key={tab.studyId} id={`panel-${tab.studyId}`} role="tabpanel" aria-labelledby={`tab-${tab.studyId}`} className={classes.viewer} hidden={!active}>
              <Suspense fallback={<span className="wv-hidden">{t('loading')}</span>}>
                <ViewerTab
                  studyId={tab.studyId}
                  seriesId={tab.seriesId}
                  mode="image"
                  active={active}
                  onTitle={(title) => tabs.setTitle(tab.studyId, title)}
                  onBack={() => tabs.go({ page: 'studies' })}
                />
              </Suspense>
            </div>
          );
        })}
      </div>
    </div>
  );
}

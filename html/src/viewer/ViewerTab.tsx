import { Button } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconFileUnknown, IconPlugConnectedX } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { type ComponentType, lazy, Suspense, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { api, ApiError } from '../shared/api/client';
import type { StudyWithSeries } from '../shared/api/types';
import { personName } from '../shared/format/person';
import { localeOf, registerNamespace, toLanguage, useTranslation } from '../shared/i18n';
import { DarkScope } from '../shared/theme/DarkScope';
import type { ViewerEnvironment, VolumePageProps } from './control/environment';
import { useSelected } from './control/store';
import { ViewerController, type ViewerMode } from './control/viewer';
import en from './i18n/en.json';
import pt from './i18n/pt.json';
import { holdingsOf } from './model/holdings';
import { firstVolumeSeries } from './model/series';
import { ViewerContext } from './ui/context';
import { type CountedText, holdingsText } from './ui/Holdings';
import { ImagePage } from './ui/ImagePage';
import { useBars } from './ui/useBars';
import { useShownPatient } from './ui/useShownPatient';
import { type IsRestored, seriesQuery, studyQuery, useViewerData } from './ui/useViewerData';
import classes from './ViewerTab.module.css';
import type { Workspace } from './workspace/control/workspace';
import { useNewWorkspace, useWorkspace } from './workspace/ui/useWorkspace';

registerNamespace('viewer', { en, pt });

export interface ViewerTabProps {
  studyId: number;
  seriesId: number | null;
  /** The series to show when none is named, if that is known already. */
  firstSeriesId: number | null;
  mode: ViewerMode;
  active: boolean;
  onTitle: (title: string) => void;
  /** The doctor wants another page of the study, of the series that is shown. */
  onMode: (mode: ViewerMode, seriesId: number | null) => void;
  onBack: () => void;
  onClose: () => void;
}

/** Pages of volumes come when they are asked for: the first image must not wait for their code. */
const volumePages: Readonly<Record<Exclude<ViewerMode, 'image'>, ComponentType<VolumePageProps>>> = {
  mpr: lazy(() => import('./mpr/MprPage').then(({ MprPage }) => ({ default: MprPage }))),
  volume: lazy(() => import('./volume3d/VolumePage').then(({ VolumePage }) => ({ default: VolumePage }))),
};

/** One opened study. */
export function ViewerTab(props: ViewerTabProps) {
  return <OpenStudy key={props.studyId} {...props} />;
}

/** Asks for everything before anything is drawn: the picture is what the doctor waits for. */
function OpenStudy(props: ViewerTabProps) {
  const { studyId, seriesId, firstSeriesId, mode } = props;
  const [viewer] = useState(() => new ViewerController());
  const workspace = useNewWorkspace(viewer, studyId);
  const client = useQueryClient();
  const first = useRef({ seriesId, mode });
  const opensWith = useRef(firstSeriesId);
  useLayoutEffect(() => {
    const leave = viewer.start();
    const asked = first.current;
    const isRestored = workspace.restore(asked);
    if (!isRestored && asked.seriesId !== null && asked.mode === 'image') viewer.show(viewer.state.active, asked.seriesId);
    const opens = asked.seriesId === null && asked.mode === 'image' ? opensWith.current : null;
    if (opens !== null && viewer.cell(0).state.reference.seriesId === null) viewer.show(0, opens);
    const save = workspace.start();
    void client.prefetchQuery(studyQuery(studyId));
    const shown = asked.mode === 'image' ? viewer.activeCell.state.reference.seriesId : asked.seriesId;
    if (shown !== null) void client.prefetchQuery(seriesQuery(studyId, shown));
    return () => {
      save();
      leave();
    };
  }, [viewer, workspace, client, studyId]);
  return (
    <DarkScope className={classes.scope}>
      <Viewer {...props} viewer={viewer} workspace={workspace} />
    </DarkScope>
  );
}

function Viewer({ viewer, workspace, studyId, seriesId, mode, active, onTitle, onMode, onBack, onClose }: ViewerTabProps & { viewer: ViewerController; workspace: Workspace }) {
  const { t, i18n } = useTranslation('viewer');
  const isRestored = useCallback<IsRestored>((now, series) => workspace.ask({ mode: now, seriesId: series }), [workspace]);
  const { study: stored, error, retry } = useViewerData(viewer, studyId, seriesId, mode, isRestored);
  useWorkspace(workspace, stored);
  const study = useShownPatient(viewer, stored, mode, seriesId);
  const connection = useSelected(viewer.store, (state) => state.connection.kind);
  // A page is there only while the viewer is in its mode: the former one leaves the server before the next one comes.
  const entered = useSelected(viewer.store, (state) => state.mode);
  useLayoutEffect(() => viewer.setMode(mode), [viewer, mode]);
  const phone = useMediaQuery('(max-width: 767px), (max-height: 499px)', false, { getInitialValueInEffect: false });
  const lying = useMediaQuery('(max-height: 499px) and (orientation: landscape)', false, { getInitialValueInEffect: false });
  const bars = useBars(viewer, mode);
  const locale = localeOf[toLanguage(i18n.language) ?? 'en'];

  const name = study === null ? '' : personName(study.patient_name) || t('common:noName');
  const what = mode === 'image' ? (study?.study_description ?? '') : t(`mode.${mode}`);
  const title = study === null ? '' : [name, what].filter((part) => part !== '').join(' · ');
  const latest = useRef({ onTitle, onMode, onBack, onClose });
  useEffect(() => {
    latest.current = { onTitle, onMode, onBack, onClose };
  });
  useEffect(() => {
    if (title !== '') latest.current.onTitle(title);
  }, [title]);

  const deleted = useSelected(viewer.store, (state) => state.deleted);
  const isGone = deleted || (error instanceof ApiError && error.status === 404);
  useEffect(() => {
    if (isGone) workspace.studyGone();
  }, [workspace, isGone]);

  const ended = connection === 'ended';
  useEffect(() => {
    // The answer, a 401, says why and brings the page "Your session has ended".
    if (ended) void api.get('/v2/auth/session').catch(() => undefined);
  }, [ended]);

  const environment = useMemo<ViewerEnvironment>(
    () => ({
      viewer,
      study,
      bars,
      mode,
      changeMode: (next, series) => latest.current.onMode(next, series),
      closeTab: () => latest.current.onClose(),
      back: () => latest.current.onBack(),
      phone,
      lying,
      locale,
      openWindowDialog: nothing,
      openKeys: nothing,
      exportPicture: nothing,
      toggleFullScreen: () => {
        // Refused by the browser or not known to it: the page stays as it is.
        if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => undefined);
        else void document.documentElement.requestFullscreen?.().catch(() => undefined);
      },
    }),
    [viewer, study, bars, mode, phone, lying, locale],
  );

  useEffect(() => {
    viewer.setActive(active);
  }, [active, viewer]);

  if (error !== null && study === null) return <StudyAway error={error} onRetry={retry} onBack={onBack} onClose={onClose} />;
  const shown = seriesId ?? (study === null ? null : (firstVolumeSeries(study.series)?.series_id ?? null));
  const VolumePage = mode === 'image' ? null : volumePages[mode];
  const page =
    entered !== mode ? null : VolumePage === null ? (
      <ImagePage active={active} onBack={onBack} />
    ) : shown === null ? (
      study !== null && <NoVolume study={study} locale={locale} onBack={onBack} />
    ) : (
      <Suspense fallback={<span className="wv-hidden">{t('opening')}</span>}>
        <VolumePage seriesId={shown} active={active} onBack={onBack} />
      </Suspense>
    );
  return <ViewerContext.Provider value={environment}>{page}</ViewerContext.Provider>;
}

/** What a page does not have stays without effect until the page gives its own. */
function nothing(): void {
  return undefined;
}

/** A study without any series of images. */
function NoVolume({ study, locale, onBack }: { study: StudyWithSeries; locale: string; onBack: () => void }) {
  const { t } = useTranslation('viewer');
  const list = holdingsText(holdingsOf(study.series), locale, t as CountedText);
  return (
    <div className={classes.away} role="alert">
      <IconFileUnknown size={34} stroke={1.4} aria-hidden />
      <h1>{t('volume.noSeriesTitle')}</h1>
      <p>{t('holds.study', { list })}</p>
      <p>{t('volume.noSeriesText')}</p>
      <div className={classes.awayButtons}>
        <Button onClick={onBack}>{t('study.back')}</Button>
      </div>
    </div>
  );
}

function StudyAway({ error, onRetry, onBack, onClose }: { error: Error; onRetry: () => void; onBack: () => void; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <div className={classes.away} role="alert">
      {gone ? <IconFileUnknown size={34} stroke={1.4} aria-hidden /> : <IconPlugConnectedX size={34} stroke={1.4} aria-hidden />}
      <h1>{t(gone ? 'study.goneTitle' : 'study.awayTitle')}</h1>
      <p>{t(gone ? 'study.goneText' : 'study.awayText')}</p>
      <div className={classes.awayButtons}>
        {gone ? <Button onClick={onClose}>{t('study.closeTab')}</Button> : <Button onClick={onRetry}>{t('common:tryAgain')}</Button>}
        <Button variant="default" onClick={onBack}>
          {t('study.back')}
        </Button>
      </div>
    </div>
  );
}

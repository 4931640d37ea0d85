import { Button } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconFileUnknown, IconPlugConnectedX } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { api, ApiError } from '../shared/api/client';
import { personName } from '../shared/format/person';
import { localeOf, registerNamespace, toLanguage, useTranslation } from '../shared/i18n';
import { DarkScope } from '../shared/theme/DarkScope';
import { asShown } from './control/cellState';
import type { ViewerEnvironment } from './control/environment';
import { useStore } from './control/store';
import { ViewerController } from './control/viewer';
import en from './i18n/en.json';
import pt from './i18n/pt.json';
import { handleKey } from './input/actions';
import type { Point } from './model/geometry';
import { Banner } from './ui/Banner';
import { CellMenu } from './ui/CellMenu';
import { CellView } from './ui/CellView';
import { ViewerContext } from './ui/context';
import { shownIndex, type Translate } from './ui/corners';
import { KeysDialog, WindowDialog } from './ui/dialogs';
import { pictureOf, saveFile } from './ui/exportPicture';
import { LiveRegion } from './ui/LiveRegion';
import { PhoneBottom, PhoneTop } from './ui/Phone';
import { Strip } from './ui/Strip';
import { Toolbar } from './ui/Toolbar';
import { seriesQuery, studyQuery, useViewerData } from './ui/useViewerData';
import classes from './ViewerTab.module.css';

registerNamespace('viewer', { en, pt });

export interface ViewerTabProps {
  studyId: number;
  seriesId: number | null;
  mode: 'image';
  active: boolean;
  onTitle: (title: string) => void;
  onBack: () => void;
}

/** One opened study. */
export function ViewerTab(props: ViewerTabProps) {
  return <OpenStudy key={props.studyId} {...props} />;
}

/** Asks for everything before anything is drawn: the picture is what the doctor waits for. */
function OpenStudy(props: ViewerTabProps) {
  const { studyId, seriesId } = props;
  const [viewer] = useState(() => new ViewerController());
  const client = useQueryClient();
  const first = useRef(seriesId);
  useLayoutEffect(() => {
    const leave = viewer.start();
    if (first.current !== null) viewer.show(0, first.current);
    void client.prefetchQuery(studyQuery(studyId));
    if (first.current !== null) void client.prefetchQuery(seriesQuery(studyId, first.current));
    return leave;
  }, [viewer, client, studyId]);
  return (
    <DarkScope className={classes.scope}>
      <Viewer {...props} viewer={viewer} />
    </DarkScope>
  );
}

function Viewer({ viewer, studyId, seriesId, active, onTitle, onBack }: ViewerTabProps & { viewer: ViewerController }) {
  const { t, i18n } = useTranslation('viewer');
  const root = useRef<HTMLDivElement>(null);
  const { study, error, retry } = useViewerData(viewer, studyId, seriesId);
  const state = useStore(viewer.store);
  const phone = useMediaQuery('(max-width: 767px), (max-height: 499px)', false, { getInitialValueInEffect: false });
  const lying = useMediaQuery('(max-height: 499px) and (orientation: landscape)', false, { getInitialValueInEffect: false });
  const narrow = useMediaQuery('(max-width: 1023px)', false, { getInitialValueInEffect: false });
  const [windowDialog, setWindowDialog] = useState(false);
  const [keysDialog, setKeysDialog] = useState(false);
  const [menuAt, setMenuAt] = useState<Point | null>(null);
  const locale = localeOf[toLanguage(i18n.language) ?? 'en'];

  const title = study === null ? '' : [personName(study.patient_name) || t('common:noName'), study.study_description].filter((part) => part !== '').join(' · ');
  const onTitleNow = useRef(onTitle);
  useEffect(() => {
    onTitleNow.current = onTitle;
  });
  useEffect(() => {
    if (title !== '') onTitleNow.current(title);
  }, [title]);

  const ended = state.connection.kind === 'ended';
  useEffect(() => {
    // The answer, a 401, says why and brings the page "Your session has ended".
    if (ended) void api.get('/v2/auth/session').catch(() => undefined);
  }, [ended]);

  useEffect(() => {
    if (phone && viewer.state.places.length > 1) viewer.setLayout({ rows: 1, columns: 1 });
  }, [phone, viewer]);

  const exportPicture = useCallback(() => {
    const cell = viewer.activeCell;
    const canvas = root.current?.querySelector<HTMLCanvasElement>(`[data-cell="${cell.number}"] canvas`);
    if (canvas === null || canvas === undefined) return;
    const context = { study, overlay: viewer.state.overlay, compact: false, locale, t: t as Translate };
    void pictureOf(cell, canvas, context).then((blob) => {
      const series = cell.state.detail?.series_number;
      if (blob !== null) saveFile(blob, `image${series == null ? '' : `-S${series}`}-${shownIndex(asShown(cell.state)) + 1}.png`);
    });
  }, [viewer, study, locale, t]);

  const environment = useMemo<ViewerEnvironment>(
    () => ({
      viewer,
      study,
      phone,
      lying,
      locale,
      openWindowDialog: () => setWindowDialog(true),
      openKeys: () => setKeysDialog(true),
      exportPicture,
      toggleFullScreen: () => {
        // Refused by the browser or not known to it: the page stays as it is.
        if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => undefined);
        else void document.documentElement.requestFullscreen?.().catch(() => undefined);
      },
    }),
    [viewer, study, phone, lying, locale, exportPicture],
  );

  useEffect(() => {
    if (!active) return;
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || !(event.target instanceof Element)) return;
      if (event.target.closest('input, textarea, select, [contenteditable="true"], [role="menu"], [role="dialog"]') !== null) return;
      // Space and Enter press the button that has the focus.
      if ((event.key === ' ' || event.key === 'Enter') && event.target.closest('button, a, summary') !== null) return;
      if (handleKey(event, environment)) event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [active, environment]);

  useEffect(() => {
    viewer.setActive(active);
  }, [active, viewer]);

  const openMenu = useCallback((at: Point) => setMenuAt(at), []);

  if (error !== null && study === null) return <StudyAway error={error} onRetry={retry} onBack={onBack} />;
  const { layout } = state;
  const strip = phone || narrow ? null : state.stripOpen && <Strip />;
  return (
    <ViewerContext.Provider value={environment}>
      <div ref={root} className={classes.viewer} data-lying={lying || undefined}>
        {phone ? <PhoneTop onBack={onBack} /> : <Toolbar />}
        {lying && <Strip below />}
        <div className={classes.middle}>
          {strip}
          <div className={classes.windows}>
            <div
              className={classes.grid}
              style={
                state.enlarged
                  ? { gridTemplate: '1fr / 1fr' }
                  : { gridTemplate: `repeat(${layout.rows}, minmax(0, 1fr)) / repeat(${layout.columns}, minmax(0, 1fr))` }
              }
            >
              {viewer.visible.map((number) => (
                <CellView key={number} cell={viewer.cell(number)} active={number === state.active} openMenu={openMenu} />
              ))}
            </div>
            <Banner />
          </div>
        </div>
        {!lying && (phone || (narrow && state.stripOpen)) && <Strip below />}
        {phone && <PhoneBottom />}
        <CellMenu at={menuAt} onClose={() => setMenuAt(null)} />
        <WindowDialog opened={windowDialog} onClose={() => setWindowDialog(false)} />
        <KeysDialog opened={keysDialog} onClose={() => setKeysDialog(false)} />
        <LiveRegion />
      </div>
    </ViewerContext.Provider>
  );
}

function StudyAway({ error, onRetry, onBack }: { error: Error; onRetry: () => void; onBack: () => void }) {
  const { t } = useTranslation('viewer');
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <div className={classes.away} role="alert">
      {gone ? <IconFileUnknown size={34} stroke={1.4} aria-hidden /> : <IconPlugConnectedX size={34} stroke={1.4} aria-hidden />}
      <h1>{t(gone ? 'study.goneTitle' : 'study.awayTitle')}</h1>
      <p>{t(gone ? 'study.goneText' : 'study.awayText')}</p>
      <div className={classes.awayButtons}>
        {!gone && <Button onClick={onRetry}>{t('common:tryAgain')}</Button>}
        <Button variant={gone ? 'filled' : 'default'} onClick={onBack}>
          {t('study.back')}
        </Button>
      </div>
    </div>
  );
}

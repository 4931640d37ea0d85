import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import type { VolumePageProps } from '../control/environment';
import { useSelected, useStore } from '../control/store';
import { handleMeasureKey } from '../measure/control/keys';
import { measuringOf } from '../measure/control/measureOf';
import { drawMeasures } from '../measure/ui/drawMeasures';
import { MeasureLive } from '../measure/ui/MeasureList';
import type { Point } from '../model/geometry';
import { Banner } from '../ui/Banner';
import { useViewer } from '../ui/context';
import type { Translate } from '../ui/corners';
import { saveFile } from '../ui/exportPicture';
import { Strip } from '../ui/Strip';
import { usePageKeys } from '../ui/usePageKeys';
import { seriesQuery } from '../ui/useViewerData';
import tab from '../ViewerTab.module.css';
import { lacksVolume } from '../model/series';
import { isMeasureTool, type Tool } from '../model/tools';
import { MprController } from './control/mpr';
import { handleMprKey } from './input/keys';
import { visibleKinds } from './model/state';
import { MprContext, type MprEnvironment } from './ui/context';
import { MprKeysDialog, MprWindowDialog, SlabDialog } from './ui/dialogs';
import { pictureOfPlane } from './ui/exportPlane';
import { MprMessage, MprProgress, Notes } from './ui/Messages';
import classes from './ui/mpr.module.css';
import { MprLive } from './ui/MprLive';
import { ResliceDialog } from './ui/ResliceDialog';
import { surfaceOf } from './ui/surface';
import { MprMenu } from './ui/MprMenu';
import { MprToolbar } from './ui/MprToolbar';
import { MprPhoneBottom, MprPhoneTop, PlaneTabs } from './ui/PhoneMpr';
import { PlaneWindow } from './ui/PlaneWindow';
import { VolumeChooser } from './ui/VolumeChooser';
import { VolumePane } from './ui/VolumePane';

/** Three planes through a volume that cross, and the volume itself. */
export function MprPage(props: VolumePageProps) {
  const { viewer } = useViewer();
  const [mpr, setMpr] = useState<MprController | null>(null);
  useLayoutEffect(() => {
    const onFrame = (run: () => void): void => void (document.hidden ? window.setTimeout(run, 50) : requestAnimationFrame(run));
    const controller = new MprController(viewer, onFrame);
    const leave = controller.start();
    setMpr(controller);
    return () => {
      setMpr(null);
      leave();
    };
  }, [viewer]);
  useLayoutEffect(() => mpr?.open(props.seriesId), [mpr, props.seriesId]);
  return mpr === null ? null : <Opened {...props} mpr={mpr} />;
}

function Opened({ seriesId, active, onBack, mpr }: VolumePageProps & { mpr: MprController }) {
  const { t } = useTranslation('viewer');
  const { study, viewer, phone, lying, locale } = useViewer();
  const root = useRef<HTMLDivElement>(null);
  const state = useStore(mpr.store);
  const narrow = useMediaQuery('(max-width: 1023px)', false, { getInitialValueInEffect: false });
  const detail = useQuery({ ...seriesQuery(study?.study_id ?? 0, seriesId), enabled: study !== null }).data ?? null;
  const [dialog, setDialog] = useState<'window' | 'slab' | 'keys' | 'reslice' | null>(null);
  const [menuAt, setMenuAt] = useState<Point | null>(null);
  const close = useCallback(() => setDialog(null), []);

  useEffect(() => {
    if (!active) mpr.stopPlay();
  }, [active, mpr]);

  useEffect(() => {
    if (phone) mpr.showAlone(mpr.state.active);
    else if (mpr.state.layout === 'single') mpr.setLayout('grid');
  }, [phone, mpr]);

  const exportPicture = useCallback(() => {
    const kind = mpr.activePlane;
    const canvas = root.current?.querySelector<HTMLCanvasElement>(`[data-kind="${kind}"] canvas`);
    if (canvas === null || canvas === undefined) return;
    const context = { study, overlay: mpr.state.overlay, compact: false, locale, t: t as Translate };
    const marks = (pen: CanvasRenderingContext2D): void => drawMeasures(pen, measuringOf(viewer).measures, surfaceOf(mpr, kind), locale, t as Translate);
    void pictureOfPlane(mpr, kind, canvas, context, marks).then((blob) => {
      if (blob !== null) saveFile(blob, `${kind}${detail?.series_number == null ? '' : `-S${detail.series_number}`}.png`);
    });
  }, [mpr, viewer, study, detail, locale, t]);

  useEffect(() => {
    // The series may make other volumes than when it was seen last.
    if (lacksVolume(detail, mpr.opened.get().volume)) mpr.open(seriesId, 0);
  }, [detail, mpr, seriesId]);

  const openKeys = useCallback(() => setDialog('keys'), []);
  const openWindowDialog = useCallback(() => setDialog('window'), []);
  const openSlabDialog = useCallback(() => setDialog('slab'), []);
  const openReslice = useCallback(() => setDialog('reslice'), []);
  const environment = useMemo<MprEnvironment>(
    () => ({ mpr, seriesId, detail, exportPicture, openKeys, openWindowDialog, openSlabDialog, openReslice }),
    [mpr, seriesId, detail, exportPicture, openKeys, openWindowDialog, openSlabDialog, openReslice],
  );
  usePageKeys(
    active,
    useCallback(
      (event) => {
        if (viewer.state.deleted) return false;
        const { left } = mpr.state.bindings;
        const tool: Tool = isMeasureTool(left) ? left : 'pan';
        const { measures } = measuringOf(viewer);
        // Of what was drawn and what was moved, the later one is taken back first.
        const undoes = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'z';
        if (undoes && measures.state.draft === null && mpr.history.lastStep > measures.lastStep) return mpr.undo(event.timeStamp);
        return handleMeasureKey(event, viewer, tool, mpr.cell(mpr.activePlane).number) || handleMprKey(event, mpr, { exportPicture, openKeys });
      },
      [mpr, viewer, exportPicture, openKeys],
    ),
  );
  const openMenu = useCallback((at: Point) => setMenuAt(at), []);
  // Everything on a plane needs a new picture.
  const deleted = useSelected(viewer.store, (one) => one.deleted);
  const visible = visibleKinds(state);
  const strip = state.stripOpen && !phone;
  return (
    <MprContext.Provider value={environment}>
      <div ref={root} className={tab.viewer} data-lying={lying || undefined}>
        {phone ? <MprPhoneTop onBack={onBack} /> : <MprToolbar />}
        {phone && <PlaneTabs />}
        {lying && <Strip below />}
        <div className={tab.middle}>
          {strip && !narrow && <Strip />}
          <div className={tab.windows} id="mpr-windows" {...(phone ? { role: 'tabpanel', 'aria-labelledby': `mpr-tab-${state.active}` } : {})}>
            <div className={classes.grid} inert={deleted} data-layout={visible.length === 1 ? 'single' : state.layout}>
              {visible.map((kind) =>
                kind === 'volume' ? (
                  <VolumePane key={kind} active={kind === state.active} />
                ) : (
                  <PlaneWindow key={kind} kind={kind} active={kind === state.active} openMenu={openMenu} />
                ),
              )}
            </div>
            <MprProgress />
            <div className={classes.zone}>
              {!phone && <VolumeChooser />}
              <Notes />
            </div>
            <MprMessage />
            <Banner />
          </div>
        </div>
        {((phone && !lying) || (strip && narrow)) && <Strip below />}
        {phone && <MprPhoneBottom />}
        <MprMenu at={menuAt} onClose={() => setMenuAt(null)} />
        <MprWindowDialog opened={dialog === 'window'} onClose={close} />
        <SlabDialog opened={dialog === 'slab'} onClose={close} />
        <ResliceDialog opened={dialog === 'reslice'} onClose={close} />
        <MprKeysDialog opened={dialog === 'keys'} onClose={close} />
        <MprLive />
        <MeasureLive />
      </div>
    </MprContext.Provider>
  );
}

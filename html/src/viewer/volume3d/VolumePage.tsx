import { useMediaQuery } from '@mantine/hooks';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from '../../shared/i18n';
import type { ViewerEnvironment, VolumePageProps } from '../control/environment';
import { CELLS } from '../control/viewer';
import { lacksVolume } from '../model/series';
import type { Vector } from '../model/vector';
import { Banner } from '../ui/Banner';
import { useViewer, ViewerContext } from '../ui/context';
import { saveFile } from '../ui/exportPicture';
import { Strip } from '../ui/Strip';
import { usePageKeys } from '../ui/usePageKeys';
import { seriesQuery } from '../ui/useViewerData';
import tab from '../ViewerTab.module.css';
import { Hands } from './control/hands';
import { handleVolumeKey } from './control/keys';
import { takeBackRefused } from './control/refusedCuts';
import { Recorder } from './control/recorder';
import { SceneController } from './control/scene';
import { Thumbnails } from './control/thumbnails';
import { VolumeContext, type VolumeEnvironment } from './ui/context';
import { AnglesDialog, SaveLookDialog, VolumeKeysDialog } from './ui/dialogs';
import { pictureOfVolume } from './ui/exportVolume';
import { useLookName } from './ui/names';
import { SurfaceDialog, TurnSeriesDialog } from './ui/OutputDialogs';
import { VolumePhoneBottom, VolumePhoneTop } from './ui/PhoneVolume';
import { Stage } from './ui/Stage';
import { usePanels } from './ui/usePanels';
import { DoneLive, VolumeLive } from './ui/VolumeLive';
import { VolumeToolbar } from './ui/VolumeToolbar';

/** The window that is not on the page: pictures of presets come through it. */
const HIDDEN = CELLS - 1;

/** The volume of a series in three dimensions. */
export function VolumePage(props: VolumePageProps) {
  const { viewer, changeMode } = useViewer();
  const series = useRef(props.seriesId);
  series.current = props.seriesId;
  const [parts, setParts] = useState<Pick<VolumeEnvironment, 'scene' | 'hands' | 'thumbnails'> | null>(null);
  useLayoutEffect(() => {
    const onFrame = (run: () => void): void => void (document.hidden ? window.setTimeout(run, 50) : requestAnimationFrame(run));
    const scene = new SceneController(viewer, onFrame, () => performance.now());
    const select = (point: Vector): void => {
      viewer.handOver(point);
      // Back here, the next click is not to leave again.
      scene.bind('left', 'rotate');
      changeMode('mpr', series.current);
    };
    const hands = new Hands(scene, { select }, viewer.clock);
    const thumbnails = new Thumbnails(scene, viewer.volumeCell<string>(HIDDEN), viewer.clock);
    setParts({ scene, hands, thumbnails });
    return () => {
      setParts(null);
      thumbnails.leave();
      scene.leave();
    };
  }, [viewer, changeMode]);
  useLayoutEffect(() => {
    parts?.scene.open(props.seriesId);
  }, [parts, props.seriesId]);
  return parts === null ? null : <Opened {...props} {...parts} />;
}

function Opened({ seriesId, active, onBack, scene, hands, thumbnails }: VolumePageProps & Pick<VolumeEnvironment, 'scene' | 'hands' | 'thumbnails'>) {
  const { t } = useTranslation('viewer');
  const shared = useViewer();
  const { viewer, study, phone, lying, locale } = shared;
  const root = useRef<HTMLDivElement>(null);
  const narrow = useMediaQuery('(max-width: 1279px)', false, { getInitialValueInEffect: false });
  const small = useMediaQuery('(max-width: 1023px)', false, { getInitialValueInEffect: false });
  const panels = usePanels(narrow);
  const detail = useQuery({ ...seriesQuery(study?.study_id ?? 0, seriesId), enabled: study !== null }).data ?? null;
  const [dialog, setDialog] = useState<'angles' | 'save' | 'keys' | 'turnSeries' | 'surface' | null>(null);
  const nameOf = useLookName();
  const close = useCallback(() => setDialog(null), []);
  useEffect(() => takeBackRefused(scene, hands), [scene, hands]);
  useEffect(() => {
    // The series may make other volumes than when it was seen last.
    if (lacksVolume(detail, scene.cell.state.reference?.volume ?? 0)) scene.open(seriesId, 0);
  }, [detail, scene, seriesId]);

  useEffect(() => {
    if (!active) scene.stopPlay();
  }, [active, scene]);

  const exportPicture = useCallback(() => {
    const canvas = root.current?.querySelector<HTMLCanvasElement>('[data-zone="window"] canvas');
    if (canvas === null || canvas === undefined) return;
    const context = { study, detail, overlay: viewer.state.overlay, compact: false, locale, nameOf, t: t as (key: string) => string };
    void pictureOfVolume(scene, canvas, context).then((blob) => {
      if (blob !== null) saveFile(blob, `volume${detail?.series_number == null ? '' : `-S${detail.series_number}`}.png`);
    });
  }, [scene, study, detail, viewer, locale, nameOf, t]);

  const [recorder] = useState(() => new Recorder(saveFile));
  useEffect(() => () => recorder.stop(), [recorder]);
  useEffect(() => recorder.store.subscribe(() => scene.cell.keepCanvasSize(recorder.store.get().recording)), [recorder, scene]);
  const record = useCallback(() => {
    const canvas = root.current?.querySelector<HTMLCanvasElement>('[data-zone="window"] canvas');
    if (recorder.store.get().recording) recorder.stop();
    else if (canvas !== null && canvas !== undefined) {
      scene.cell.keepCanvasSize(true);
      recorder.start(canvas);
    }
  }, [recorder, scene]);

  const openKeys = useCallback(() => setDialog('keys'), []);
  const environment = useMemo<ViewerEnvironment>(() => ({ ...shared, openKeys, exportPicture }), [shared, openKeys, exportPicture]);
  const volume = useMemo<VolumeEnvironment>(
    () => ({
      scene,
      hands,
      thumbnails,
      exportPicture,
      recorder,
      record,
      openAngles: () => setDialog('angles'),
      openSave: () => setDialog('save'),
      openTurnSeries: () => setDialog('turnSeries'),
      openSurface: () => setDialog('surface'),
    }),
    [scene, hands, thumbnails, exportPicture, recorder, record],
  );
  usePageKeys(
    active,
    useCallback((event) => !viewer.state.deleted && handleVolumeKey(event, { scene, hands, nextOverlay: () => viewer.nextOverlay(), exportPicture, openKeys }), [scene, hands, viewer, exportPicture, openKeys]),
  );

  return (
    <ViewerContext.Provider value={environment}>
      <VolumeContext.Provider value={volume}>
        <div ref={root} className={tab.viewer} data-lying={lying || undefined}>
          {phone ? <VolumePhoneTop onBack={onBack} /> : <VolumeToolbar seriesId={seriesId} detail={detail} panels={panels} />}
          <div className={tab.middle}>
            {!phone && !small && panels.open.strip && <Strip />}
            <div className={tab.windows}>
              <Stage seriesId={seriesId} detail={detail} panels={panels} />
              <Banner />
            </div>
          </div>
          {!phone && small && panels.open.strip && <Strip below />}
          {phone && <VolumePhoneBottom seriesId={seriesId} detail={detail} />}
          <AnglesDialog opened={dialog === 'angles'} onClose={close} />
          <SaveLookDialog opened={dialog === 'save'} onClose={close} />
          <TurnSeriesDialog opened={dialog === 'turnSeries'} onClose={close} />
          <SurfaceDialog opened={dialog === 'surface'} onClose={close} />
          <VolumeKeysDialog opened={dialog === 'keys'} onClose={close} />
          <VolumeLive />
          <DoneLive />
        </div>
      </VolumeContext.Provider>
    </ViewerContext.Provider>
  );
}

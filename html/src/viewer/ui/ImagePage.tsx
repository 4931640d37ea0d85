import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useMediaQuery } from '@mantine/hooks';
import { useTranslation } from '../../shared/i18n';
import { asShown } from '../control/cellState';
import type { ViewerEnvironment } from '../control/environment';
import { useStore } from '../control/store';
import { handleKey } from '../input/actions';
import type { Point } from '../model/geometry';
import { Banner } from './Banner';
import { CellMenu } from './CellMenu';
import { CellView } from './CellView';
import { useViewer, ViewerContext } from './context';
import { shownIndex, type Translate } from './corners';
import { KeysDialog, WindowDialog } from './dialogs';
import { pictureOf, saveFile } from './exportPicture';
import { LiveRegion } from './LiveRegion';
import { measuringOf } from '../measure/control/measureOf';
import { drawMeasures } from '../measure/ui/drawMeasures';
import { MeasureLive } from '../measure/ui/MeasureList';
import { surfaceOfCell } from '../measure/ui/useImageSurface';
import { PhoneBottom, PhoneTop } from './Phone';
import { Strip } from './Strip';
import { Toolbar } from './Toolbar';
import { usePageKeys } from './usePageKeys';
import classes from '../ViewerTab.module.css';
import barClasses from './Toolbar.module.css';

/** The image viewer: series in windows of their own. */
export function ImagePage({ active, onBack }: { active: boolean; onBack: () => void }) {
  const { t } = useTranslation('viewer');
  const shared = useViewer();
  const { viewer, study, bars, phone, lying, locale } = shared;
  const root = useRef<HTMLDivElement>(null);
  const state = useStore(viewer.store);
  const narrow = useMediaQuery('(max-width: 1023px)', false, { getInitialValueInEffect: false });
  const [windowDialog, setWindowDialog] = useState(false);
  const [keysDialog, setKeysDialog] = useState(false);
  const [menuAt, setMenuAt] = useState<Point | null>(null);

  useEffect(() => {
    if (phone && viewer.state.places.length > 1) viewer.setLayout({ rows: 1, columns: 1 });
  }, [phone, viewer]);

  const exportPicture = useCallback(() => {
    const cell = viewer.activeCell;
    const canvas = root.current?.querySelector<HTMLCanvasElement>(`[data-cell="${cell.number}"] canvas`);
    if (canvas === null || canvas === undefined) return;
    const context = { study, overlay: viewer.state.overlay, compact: false, locale, t: t as Translate };
    const marks = (pen: CanvasRenderingContext2D): void =>
      drawMeasures(pen, measuringOf(viewer).measures, surfaceOfCell(cell.number, cell.state), locale, t as Translate);
    void pictureOf(cell, canvas, context, marks).then((blob) => {
      const series = cell.state.detail?.series_number;
      if (blob !== null) saveFile(blob, `image${series == null ? '' : `-S${series}`}-${shownIndex(asShown(cell.state)) + 1}.png`);
    });
  }, [viewer, study, locale, t]);

  const environment = useMemo<ViewerEnvironment>(
    () => ({ ...shared, openWindowDialog: () => setWindowDialog(true), openKeys: () => setKeysDialog(true), exportPicture }),
    [shared, exportPicture],
  );
  usePageKeys(active, useCallback((event) => handleKey(event, environment), [environment]));

  const openMenu = useCallback((at: Point) => setMenuAt(at), []);
  const { layout } = state;
  const strip = phone || narrow ? null : state.stripOpen && <Strip />;
  return (
    <ViewerContext.Provider value={environment}>
      <div ref={root} className={classes.viewer} data-lying={lying || undefined}>
        {phone ? <PhoneTop onBack={onBack} /> : bars ? <Toolbar /> : <div className={barClasses.bar} aria-busy />}
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
        {bars && (
          <>
            <CellMenu at={menuAt} onClose={() => setMenuAt(null)} />
            <WindowDialog opened={windowDialog} onClose={() => setWindowDialog(false)} />
            <KeysDialog opened={keysDialog} onClose={() => setKeysDialog(false)} />
            <LiveRegion />
            <MeasureLive />
          </>
        )}
      </div>
    </ViewerContext.Provider>
  );
}

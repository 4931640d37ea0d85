import { Button } from '@mantine/core';
import { IconPhotoOff } from '@tabler/icons-react';
import { memo, useCallback, useRef, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { isBehind } from '../../control/volumeCell';
import type { MeasurePointer } from '../../measure/control/pointer';
import type { Measures } from '../../measure/control/measures';
import { MeasureLayer } from '../../measure/ui/MeasureLayer';
import { useMeasuring } from '../../measure/ui/useMeasuring';
import type { Point } from '../../model/geometry';
import { planeLetters, type PlaneKind } from '../../model/plane';
import { millimetres, scaleBar } from '../../model/scaleBar';
import cells from '../../ui/CellView.module.css';
import { ColourBar } from '../../ui/ColourItems';
import { useViewer } from '../../ui/context';
import { seriesLine, type Translate } from '../../ui/corners';
import { Bar, fitsBar, Lines } from '../../ui/Overlay';
import overlayClasses from '../../ui/Overlay.module.css';
import { useCellCanvas } from '../../ui/useCellCanvas';
import { useLasting } from '../../ui/useLasting';
import { usePlaneInput } from '../input/usePlaneInput';
import { viewOf } from '../model/state';
import { useMpr } from './context';
import classes from './mpr.module.css';
import { PlaneChip } from './PlaneChip';
import { PlaneLines } from './PlaneLines';
import { surfaceOf } from './surface';
import { planeCorners, planeName, positionText } from './texts';

const BAR_CSS = 200;
/** So long a picture may be on its way before it is said that another one is seen. */
const LATE_MS = 400;

interface WindowProps {
  kind: PlaneKind;
  active: boolean;
  openMenu: (at: Point) => void;
}

/** A plane: its picture, the lines of the other planes, the words around it and the hands on it. */
export const PlaneWindow = memo(function PlaneWindow({ kind, active, openMenu }: WindowProps) {
  const { t } = useTranslation('viewer');
  const { viewer, phone, locale } = useViewer();
  const { mpr } = useMpr();
  const cell = mpr.cell(kind);
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useCellCanvas(cell, element, canvas);
  const { measures, pointer } = useMeasuring(viewer, cell.number, () => surfaceOf(mpr, kind));
  const enlarge = useCallback(() => mpr.toggleEnlarged(kind), [mpr, kind]);
  usePlaneInput(element, mpr, kind, { openMenu, enlarge, measuring: pointer });
  const last = useRef('');
  const name = useSelected(cell.store, ({ shown, navigation, opened }) => {
    // As of the last rest: a name that changes many times a second helps nobody.
    if (!navigation.moving || last.current === '') last.current = planeName(kind, shown?.wish?.look ?? null, locale, t as Translate, opened?.letters);
    return last.current;
  });
  return (
    <div
      ref={setElement}
      className={cells.cell}
      role="group"
      tabIndex={0}
      data-zone="window"
      data-cell={cell.number}
      data-kind={kind}
      data-active={active || undefined}
      aria-label={name}
      aria-current={active}
      onFocus={() => mpr.activate(kind)}
      onKeyDown={(event) => {
        if (event.key !== 'ContextMenu' && !(event.shiftKey && event.key === 'F10')) return;
        event.preventDefault();
        measures.store.set({ menu: measures.state.chosen });
        const box = event.currentTarget.getBoundingClientRect();
        openMenu({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
      }}
    >
      <canvas ref={canvas} className={cells.canvas} aria-hidden />
      <Fault kind={kind} />
      <OnPlane kind={kind} measures={measures} pointer={pointer} />
      {!phone && <PlaneChip kind={kind} />}
      <span className={cells.frame} aria-hidden />
    </div>
  );
});

/** Everything that stands on the picture: vectors, so always sharp. */
function OnPlane({ kind, measures, pointer }: { kind: PlaneKind; measures: Measures; pointer: MeasurePointer }) {
  const { t } = useTranslation('viewer');
  const { study, phone, lying, locale } = useViewer();
  const { mpr, detail } = useMpr();
  const state = useStore(mpr.store);
  const cellState = useStore(mpr.cell(kind).store);
  const compact = phone && !lying;
  const late = useLasting(isBehind(cellState), LATE_MS, cellState.shown?.sequence);
  const { canvas, grid, fault, shown } = cellState;
  const view = fault === null ? viewOf(state, grid, kind, canvas) : null;
  const { overlay } = state;
  const corners = planeCorners(cellState, view, { study, overlay, compact, series: seriesLine({ detail }), locale, t: t as Translate });
  const height = canvas.heightPx / canvas.perCss;
  const letters = view === null || overlay === 'off' || cellState.opened?.letters === false ? null : planeLetters(view);
  const bar = view === null || shown === null || overlay === 'off' ? null : scaleBar(view.zoom / canvas.perCss, millimetres, Math.min(BAR_CSS, height * 0.24));
  const seen = shown?.wish?.look.view.plane ?? null;
  const behind = late && seen !== null && view !== null ? [seen, view.plane].map((plane) => positionText(plane, locale, t as Translate, cellState.opened?.letters)) : [];
  return (
    <>
      {view !== null && overlay !== 'off' && <PlaneLines kind={kind} view={view} />}
      <div className={`${overlayClasses.overlay} ${classes.overlay}`} data-phone={compact || undefined} data-overlay="" aria-hidden>
        <Lines className={`${overlayClasses.topLeft} ${phone ? '' : classes.underChip}`} lines={corners.topLeft} strong />
        <Lines className={overlayClasses.topRight} lines={corners.topRight} strong />
        <Lines className={overlayClasses.bottomLeft} lines={corners.bottomLeft} />
        <Lines className={`${overlayClasses.bottomRight} ${classes.quality}`} lines={corners.bottomRight} />
        {letters !== null && (
          <>
            <span className={`${overlayClasses.letter} ${overlayClasses.top}`}>{letters.top}</span>
            <span className={`${overlayClasses.letter} ${overlayClasses.right}`}>{letters.right}</span>
            <span className={`${overlayClasses.letter} ${overlayClasses.bottom}`}>{letters.bottom}</span>
            <span className={`${overlayClasses.letter} ${overlayClasses.left}`}>{letters.left}</span>
          </>
        )}
        {behind.length === 2 && behind[0] !== behind[1] && <span className={overlayClasses.behind}>{t('corner.behind', { from: behind[0] ?? '', to: behind[1] ?? '' })}</span>}
        {bar !== null && fitsBar(height, corners.bottomRight.length, compact) && <Bar bar={bar} below={corners.bottomRight.length} compact={compact} locale={locale} t={t as Translate} />}
        {shown !== null && height > 200 && <ColourBar table={state.colours} inverted={state.invert} />}
      </div>
      <MeasureLayer measures={measures} pointer={pointer} surface={surfaceOf(mpr, kind)} />
    </>
  );
}

/** Why this plane has no picture although the volume is open; what concerns the whole volume is said once, over all windows. */
function Fault({ kind }: { kind: PlaneKind }) {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { mpr } = useMpr();
  const fault = useSelected(mpr.cell(kind).store, (state) => state.fault);
  if (fault === null || fault.opening) return null;
  return (
    <div className={cells.message} data-kind="fault" role="alert">
      <IconPhotoOff size={30} stroke={1.4} aria-hidden />
      <div className={cells.title}>{t('mpr.fault.view')}</div>
      <div className={cells.text}>{locale === 'en' && fault.message !== '' ? fault.message : t('mpr.fault.viewText')}</div>
      <div className={cells.buttons} data-chrome="">
        <Button size="xs" variant="default" onClick={() => mpr.cell(kind).tryAgain()}>
          {t('common:tryAgain')}
        </Button>
      </div>
    </div>
  );
}

import { memo, useCallback, useRef, useState } from 'react';
import { sharesItsUid } from '../../shared/api/types';
import { useTranslation } from '../../shared/i18n';
import type { CellController } from '../control/cell';
import { asShown } from '../control/cellState';
import { useSelected } from '../control/store';
import { useCellInput } from '../input/useCellInput';
import type { Measures } from '../measure/control/measures';
import type { MeasurePointer } from '../measure/control/pointer';
import { MeasureLayer } from '../measure/ui/MeasureLayer';
import { surfaceOfCell, useImageSurface } from '../measure/ui/useImageSurface';
import { useMeasuring } from '../measure/ui/useMeasuring';
import type { Point } from '../model/geometry';
import { CellMessage } from './CellMessage';
import { CellNotes } from './CellNotes';
import { useViewer } from './context';
import { shownIndex } from './corners';
import classes from './CellView.module.css';
import { Overlay } from './Overlay';
import { ProgressCard } from './ProgressCard';
import { SliceSlider } from './SliceSlider';
import { useCellCanvas } from './useCellCanvas';

export const SERIES_DRAG_TYPE = 'application/x-webviewer-series';

interface CellViewProps {
  cell: CellController;
  active: boolean;
  openMenu: (at: Point) => void;
}

/** One window: the canvas, what stands on it, and the hands that move it. */
export const CellView = memo(function CellView({ cell, active, openMenu }: CellViewProps) {
  const { t } = useTranslation('viewer');
  const { viewer, study } = useViewer();
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [dropping, setDropping] = useState(false);
  const name = useCellName(cell);
  const slides = useSelected(cell.store, ({ reference, detail }) => reference.seriesId !== null && (detail?.frames.length ?? 0) > 1);

  useCellCanvas(cell, element, canvas);

  const enlarge = useCallback(() => viewer.toggleEnlarged(cell.number), [viewer, cell]);
  const { measures, pointer } = useMeasuring(viewer, cell.number, () => surfaceOfCell(cell.number, cell.state));
  useCellInput(element, cell, viewer, { openMenu, enlarge, measuring: pointer });

  return (
    <div
      ref={setElement}
      className={classes.cell}
      role="group"
      tabIndex={0}
      data-zone="window"
      data-cell={cell.number}
      data-active={active || undefined}
      data-dropping={dropping || undefined}
      data-shared={(study !== null && sharesItsUid(study)) || undefined}
      aria-label={name}
      aria-current={active}
      onFocus={() => viewer.activate(cell.number)}
      onKeyDown={(event) => {
        if (event.key !== 'ContextMenu' && !(event.shiftKey && event.key === 'F10')) return;
        event.preventDefault();
        measures.store.set({ menu: measures.state.chosen });
        const box = event.currentTarget.getBoundingClientRect();
        openMenu({ x: box.left + box.width / 2, y: box.top + box.height / 2 });
      }}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(SERIES_DRAG_TYPE)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'copy';
        setDropping(true);
      }}
      onDragLeave={() => setDropping(false)}
      onDrop={(event) => {
        setDropping(false);
        const seriesId = Number(event.dataTransfer.getData(SERIES_DRAG_TYPE));
        if (!(seriesId > 0)) return;
        event.preventDefault();
        viewer.show(cell.number, seriesId);
      }}
    >
      <canvas ref={canvas} className={classes.canvas} aria-hidden />
      <CellMessage cell={cell} />
      <CellNotes cell={cell} />
      <Overlay cell={cell} />
      <Measurements cell={cell} measures={measures} pointer={pointer} />
      {slides && <SliceSlider cell={cell} active={active} />}
      <ProgressCard cell={cell} />
      <span className={classes.frame} aria-hidden />
      {dropping && <span className="wv-hidden">{t('drop')}</span>}
    </div>
  );
});

function Measurements({ cell, measures, pointer }: { cell: CellController; measures: Measures; pointer: MeasurePointer }) {
  return <MeasureLayer measures={measures} pointer={pointer} surface={useImageSurface(cell)} />;
}

/** Series and image, as of the last rest: a name that changes many times a second helps nobody. */
function useCellName(cell: CellController): string {
  const { t } = useTranslation('viewer');
  const last = useRef('');
  const describe = (): string => {
    const { reference, detail, navigation } = cell.state;
    if (navigation.moving && last.current !== '') return last.current;
    if (reference.seriesId === null) last.current = t('name.empty');
    else if (detail === null) last.current = t('name.opening');
    else {
      const series = [detail.series_number === null ? detail.modality : t('name.series', { number: detail.series_number }), detail.series_description];
      const name = series.filter((part) => part !== '').join(', ');
      last.current = detail.frames.length === 0 ? name : t('name.image', { series: name, number: shownIndex(asShown(cell.state)) + 1, total: detail.frames.length });
    }
    return last.current;
  };
  return useSelected(cell.store, describe);
}

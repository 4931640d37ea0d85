import { useRef } from 'react';
import { useTranslation } from '../../shared/i18n';
import type { CellController } from '../control/cell';
import { useSelected } from '../control/store';
import { useViewer } from './context';
import classes from './CellView.module.css';

/** The slider at the right edge: where in the series the doctor is, and a way to go far. */
export function SliceSlider({ cell, active }: { cell: CellController; active: boolean }) {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const count = useSelected(cell.store, ({ detail }) => detail?.frames.length ?? 0);
  const index = useSelected(cell.store, () => cell.index);
  const track = useRef<HTMLDivElement>(null);
  const held = useRef<number | null>(null);
  const follow = (clientY: number, at: number): void => {
    const box = track.current?.getBoundingClientRect();
    if (box === undefined || box.height === 0) return;
    const share = Math.min(1, Math.max(0, (clientY - box.top) / box.height));
    cell.goTo(Math.round(share * (count - 1)), at, true);
  };
  const release = (at: number): void => {
    held.current = null;
    cell.endDrag(at);
  };
  return (
    <div
      ref={track}
      className={classes.slider}
      data-chrome=""
      data-active={active || undefined}
      role="slider"
      aria-orientation="vertical"
      aria-label={t('slider')}
      aria-valuemin={1}
      aria-valuemax={count}
      aria-valuenow={index + 1}
      aria-valuetext={t('corner.image', { number: index + 1, total: count })}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
        viewer.activate(cell.number);
        if (viewer.state.playing === cell.number) viewer.stopPlay();
        held.current = event.pointerId;
        cell.beginDrag();
        follow(event.clientY, event.timeStamp);
      }}
      onPointerMove={(event) => {
        if (held.current === event.pointerId) follow(event.clientY, event.timeStamp);
      }}
      onPointerUp={(event) => release(event.timeStamp)}
      onPointerCancel={(event) => release(event.timeStamp)}
    >
      <span className={classes.thumb} style={{ top: `${count < 2 ? 0 : (index / (count - 1)) * 100}%` }} />
    </div>
  );
}

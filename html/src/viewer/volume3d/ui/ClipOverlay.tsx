import { type KeyboardEvent as ReactKeyboardEvent, memo, type PointerEvent as ReactPointerEvent } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useInterfaceScale } from '../../../shared/theme/InterfaceScale';
import { useSelected } from '../../control/store';
import type { Vector } from '../../model/vector';
import { canvasAt } from '../model/camera';
import { type Axis, clipPlaneOf, draggedTo, edgesOf, type Face, faces, facesViewer, handleOf, normalOf, outlineOf, turnedBox, turnedTo, turnHandleOf, wholeBox, withFace } from '../model/clipBox';
import { directionLetters } from '../../model/orientation';
import { InInterfacePixels } from '../../ui/InInterfacePixels';
import { useDrawnCamera, useVolume } from './context';
import classes from './Overlay.module.css';

/** By how much a key turns the box. */
const KEY_DEG = 5;
const TURN_PATH = 'M-4.6 -1.6A4.9 4.9 0 1 1 -4.2 2.6M-5.8 -5V-1.4H-2.2';

/** The clipping box with its handles and the clipping plane's outline, over the picture. */
export const ClipOverlay = memo(function ClipOverlay() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const scale = useInterfaceScale();
  const camera = useDrawnCamera();
  const cuts = useSelected(scene.store, (state) => state.cuts.present);
  const canvas = useSelected(scene.cell.store, (state) => state.canvas);
  const grid = useSelected(scene.cell.store, (state) => state.grid);
  const letters = useSelected(scene.cell.store, ({ opened }) => opened?.letters !== false);
  if (camera === null || grid === null || canvas.widthPx < 1) return null;
  const { box, boxOn, plane } = cuts;
  const at = (point: Vector): { x: number; y: number } | null => {
    const seen = canvasAt(camera, canvas, point);
    return seen === null ? null : { x: seen.x / canvas.perCss, y: seen.y / canvas.perCss };
  };
  const write = ({ x, y }: { x: number; y: number }): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const outline = plane === null ? [] : outlineOf(grid, clipPlaneOf(grid, plane)).map(at);
  /** @param face what is moved; null = the handle that turns. With Shift faces turn the box, too. */
  const startDrag = (event: ReactPointerEvent<SVGElement>, face: Face | null): void => {
    if (event.button !== 0 || box === null) return;
    const grabbed = face === null ? turnHandleOf(box, grid) : event.shiftKey ? handleOf(box, grid, face) : null;
    const start = grabbed === null ? null : canvasAt(camera, canvas, grabbed);
    event.preventDefault();
    event.stopPropagation();
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const from = { x: event.clientX, y: event.clientY };
    let begun = false;
    const move = (moved: PointerEvent): void => {
      if (!begun) {
        // One step of what can be undone for the whole drag.
        scene.setCuts({}, moved.timeStamp);
        scene.cell.beginDrag();
        begun = true;
      }
      const perCss = canvas.perCss / scale;
      const [dx, dy] = [(moved.clientX - from.x) * perCss, (moved.clientY - from.y) * perCss];
      if (grabbed !== null && start !== null) scene.dragCuts({ box: turnedTo(box, grid, camera, canvas, grabbed, start.x + dx, start.y + dy) }, moved.timeStamp);
      else if (face !== null) scene.dragCuts({ box: withFace(box, grid, face, draggedTo(box, grid, face, camera, canvas, dx, dy)) }, moved.timeStamp);
    };
    const end = (ended: PointerEvent): void => {
      target.removeEventListener('pointermove', move as EventListener);
      target.removeEventListener('pointerup', end as EventListener);
      target.removeEventListener('pointercancel', end as EventListener);
      if (begun) scene.cell.endDrag(ended.timeStamp);
    };
    target.addEventListener('pointermove', move as EventListener);
    target.addEventListener('pointerup', end as EventListener);
    target.addEventListener('pointercancel', end as EventListener);
  };
  const onKey = (event: ReactKeyboardEvent, face: Face): void => {
    if (box === null) return;
    const step = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const whole = wholeBox(grid);
    const size = ((whole.high_index[face.axis] - whole.low_index[face.axis]) / 100) * step * (face.side === 'high' ? 1 : -1);
    const end = (face.side === 'high' ? box.high_index : box.low_index)[face.axis as Axis];
    scene.setCuts({ box: withFace(box, grid, face, end + size) }, event.timeStamp);
  };
  /** As the near side would be pushed; with Shift as the hand of a clock goes. */
  const onTurnKey = (event: ReactKeyboardEvent): void => {
    const way = { ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1 }[event.key];
    if (box === null || way === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const { right, down, away } = camera.frame;
    const sideways = event.key === 'ArrowLeft' || event.key === 'ArrowRight';
    const axis: Vector = event.shiftKey ? away : sideways ? [-down[0], -down[1], -down[2]] : right;
    scene.setCuts({ box: turnedBox(box, grid, axis, way * KEY_DEG) }, event.timeStamp);
  };
  const turnAt = box === null ? null : at(turnHandleOf(box, grid));
  return (
    <svg className={classes.vectors} data-clip="" aria-hidden={!boxOn || box === null}>
      <InInterfacePixels>
        {outline.length > 2 && !outline.includes(null) && <path className={classes.plane} d={`M${outline.map((point) => write(point as { x: number; y: number })).join('L')}Z`} />}
        {boxOn && box !== null && (
          <>
            {edgesOf(box, grid, camera).map(({ from, to, far }, index) => {
              const [one, other] = [at(from), at(to)];
              return one !== null && other !== null && <path key={index} className={classes.edge} data-far={far || undefined} d={`M${write(one)}L${write(other)}`} />;
            })}
            {faces.map((face, index) => {
              const place = at(handleOf(box, grid, face));
              if (place === null) return null;
              return (
                <g
                  key={`${face.axis}${face.side}`}
                  role="button"
                  tabIndex={0}
                  data-chrome=""
                  data-face={`${face.axis}${face.side}`}
                  className={classes.boxHandle}
                  data-far={!facesViewer(box, grid, face, camera) || undefined}
                  aria-label={t('volume3d.box.handle', { side: letters ? t(`volume3d.side.${directionLetters(normalOf(box, grid, face)).slice(0, 1) || 'L'}`) : String(index + 1) })}
                  transform={`translate(${place.x.toFixed(1)} ${place.y.toFixed(1)})`}
                  onPointerDown={(event) => startDrag(event, face)}
                  onKeyDown={(event) => onKey(event, face)}
                >
                  <circle r={12} className={classes.hit} />
                  <circle r={7} className={classes.ring} />
                  <circle r={2.5} className={classes.dot} />
                </g>
              );
            })}
            {turnAt !== null && (
              <g
                role="button"
                tabIndex={0}
                data-chrome=""
                data-turn=""
                className={classes.boxHandle}
                aria-label={t('volume3d.box.turn')}
                aria-description={t('volume3d.box.turnHelp')}
                transform={`translate(${turnAt.x.toFixed(1)} ${turnAt.y.toFixed(1)})`}
                onPointerDown={(event) => startDrag(event, null)}
                onKeyDown={onTurnKey}
              >
                <title>{t('volume3d.box.turnTip')}</title>
                <circle r={12} className={classes.hit} />
                <circle r={9} className={classes.ring} />
                <path d={TURN_PATH} className={classes.turn} />
              </g>
            )}
          </>
        )}
      </InInterfacePixels>
    </svg>
  );
});

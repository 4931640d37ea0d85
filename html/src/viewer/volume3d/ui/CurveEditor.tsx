import { type KeyboardEvent as ReactKeyboardEvent, type PointerEvent as ReactPointerEvent, useId, useMemo, useRef } from 'react';
import type { Look, Tissue, VolumeFacts } from '../../../shared/protocol/messages';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { formatNumber } from '../../model/numbers';
import { useViewer } from '../../ui/context';
import { addPoint, colourAt, moveColour, movePoint, opacityAt, removeColour, removePoint, toHex, windowOf } from '../model/look';
import { useVolume } from './context';
import classes from './Transfer.module.css';

const WIDTH = 252;
const HEIGHT = 116;
const BAR = 14;
/** Room for half a handle at the edges. */
const EDGE = 7;

export interface Domain {
  readonly low: number;
  readonly high: number;
}

/** The values that the panel spans: what the volume mostly holds, and the window. Held while something is dragged. */
export function useDomain(): Domain {
  const { scene } = useVolume();
  const facts = useSelected(scene.cell.store, (state) => state.facts);
  const settled = useSelected(scene.store, ({ looks }) => looks.present);
  return useMemo(() => domainOf(facts, settled), [facts, settled]);
}

function domainOf(facts: VolumeFacts | null, look: Look | null): Domain {
  if (facts === null) return { low: 0, high: 1 };
  const window = look === null ? null : windowOf(look);
  const low = Math.min(facts.low, window === null ? Infinity : window.center - window.width * 0.55);
  const high = Math.max(facts.high, window === null ? -Infinity : window.center + window.width * 0.55);
  return high > low ? { low, high } : { low, high: low + 1 };
}

/** Opacity over the values, with the histogram behind: points are dragged, added by a double click, removed by a right click. */
export function CurveEditor({ look, at, point, onPoint }: { look: Look; at: number; point: number; onPoint: (index: number) => void }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const { locale } = useViewer();
  const facts = useSelected(scene.cell.store, (state) => state.facts);
  const domain = useDomain();
  const picture = useRef<SVGSVGElement>(null);
  const tissue = look.tissues[at];
  const bars = useMemo(() => (facts === null ? '' : histogramPath(facts, domain)), [facts, domain]);
  if (tissue === undefined) return null;
  const x = (value: number): number => EDGE + ((value - domain.low) / (domain.high - domain.low)) * (WIDTH - 2 * EDGE);
  const y = (opacity: number): number => HEIGHT - EDGE - opacity * (HEIGHT - 2 * EDGE);
  const valueAt = (px: number): number => domain.low + ((px - EDGE) / (WIDTH - 2 * EDGE)) * (domain.high - domain.low);
  const opacityAtY = (py: number): number => (HEIGHT - EDGE - py) / (HEIGHT - 2 * EDGE);
  const place = (event: { clientX: number; clientY: number }): { value: number; opacity: number } => {
    const box = picture.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return { value: 0, opacity: 0 };
    return { value: valueAt(((event.clientX - box.left) * WIDTH) / box.width), opacity: opacityAtY(((event.clientY - box.top) * HEIGHT) / box.height) };
  };
  const path = (one: Tissue): string => {
    const points = one.opacity.map(([value, opacity]) => `${x(value).toFixed(1)} ${y(opacity).toFixed(1)}`);
    return `M-20 ${y(one.opacity[0]?.[1] ?? 0).toFixed(1)}L${points.join('L')}L${WIDTH + 20} ${y(one.opacity[one.opacity.length - 1]?.[1] ?? 0).toFixed(1)}`;
  };
  const startDrag = (event: ReactPointerEvent<SVGElement>, index: number): void => {
    if (event.button !== 0) return;
    event.preventDefault();
    (event.currentTarget as SVGElement & { focus: () => void }).focus();
    onPoint(index);
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const grabbed = place(event);
    const [value = 0, opacity = 0] = tissue.opacity[index] ?? [];
    scene.cell.beginDrag();
    const move = (moved: PointerEvent): void => {
      const to = place(moved);
      const now = scene.state.look;
      if (now !== null) scene.dragLook(movePoint(now, at, index, value + to.value - grabbed.value, opacity + to.opacity - grabbed.opacity), moved.timeStamp);
    };
    const end = (ended: PointerEvent): void => {
      target.removeEventListener('pointermove', move as EventListener);
      target.removeEventListener('pointerup', end as EventListener);
      target.removeEventListener('pointercancel', end as EventListener);
      scene.keepLook();
      scene.cell.endDrag(ended.timeStamp);
    };
    target.addEventListener('pointermove', move as EventListener);
    target.addEventListener('pointerup', end as EventListener);
    target.addEventListener('pointercancel', end as EventListener);
  };
  const remove = (index: number, time: number): void => {
    scene.setLook(removePoint(look, at, index), time);
    onPoint(Math.max(0, index - 1));
  };
  const onKey = (event: ReactKeyboardEvent, index: number): void => {
    const [value = 0, opacity = 0] = tissue.opacity[index] ?? [];
    const large = event.shiftKey ? 10 : 1;
    const step = ((domain.high - domain.low) / 250) * large;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, 0.01 * large], ArrowDown: [0, -0.01 * large] }[event.key];
    if (way === undefined && event.key !== 'Delete' && event.key !== 'Backspace') return;
    event.preventDefault();
    event.stopPropagation();
    if (way === undefined) remove(index, event.timeStamp);
    else scene.setLook(movePoint(look, at, index, value + (way[0] ?? 0), opacity + (way[1] ?? 0)), event.timeStamp);
  };
  const unit = facts?.unit ?? '';
  return (
    <svg
      ref={picture}
      className={classes.curve}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="group"
      aria-label={t('volume3d.curve.title')}
      onDoubleClick={(event) => {
        const to = place(event);
        const added = addPoint(look, at, to.value, to.opacity);
        if (added === null) return;
        scene.setLook(added.look, event.timeStamp);
        onPoint(added.index);
      }}
      onContextMenu={(event) => event.preventDefault()}
    >
      {[0.25, 0.5, 0.75].map((line) => (
        <path key={line} className={classes.grid} d={`M0 ${y(line)}H${WIDTH}`} />
      ))}
      <path className={classes.histogram} d={bars} />
      {look.tissues.map((one, index) => index !== at && one.on && <path key={index} className={classes.other} d={path(one)} />)}
      <path className={classes.under} data-on={tissue.on || undefined} d={`${path(tissue)}V${HEIGHT}H-20Z`} />
      <path className={classes.line} data-on={tissue.on || undefined} d={path(tissue)} />
      {tissue.opacity.map(([value, opacity], index) => (
        <g
          key={index}
          role="button"
          tabIndex={0}
          className={classes.handle}
          data-chosen={index === point || undefined}
          data-point={index}
          aria-pressed={index === point}
          aria-label={t('volume3d.curve.point', { number: index + 1, total: tissue.opacity.length, value: formatNumber(value, locale), unit, opacity: formatNumber(opacity * 100, locale) })}
          transform={`translate(${x(value).toFixed(1)} ${y(opacity).toFixed(1)})`}
          onPointerDown={(event) => startDrag(event, index)}
          onFocus={() => onPoint(index)}
          onKeyDown={(event) => onKey(event, index)}
          onContextMenu={(event) => {
            event.preventDefault();
            remove(index, event.timeStamp);
          }}
          onDoubleClick={(event) => event.stopPropagation()}
        >
          <circle r={14} className={classes.hit} />
          <circle r={index === point ? 5.5 : 4.2} style={{ fill: index === point ? toHex(colourAt(tissue, value)) : undefined }} />
        </g>
      ))}
    </svg>
  );
}

/** The colours of a tissue along its values; marks below are dragged, a double click adds one, a right click removes it. */
export function ColourBar({ look, at, onColour }: { look: Look; at: number; onColour: (value: number) => void }) {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const domain = useDomain();
  const bar = useRef<SVGSVGElement>(null);
  // Another tab's bar may be on the page too, hidden: what is hidden paints nothing.
  const paint = useId();
  const tissue = look.tissues[at];
  if (tissue === undefined) return null;
  const width = domain.high - domain.low;
  const shareOf = (value: number): number => (value - domain.low) / width;
  const x = (value: number): number => EDGE + shareOf(value) * (WIDTH - 2 * EDGE);
  const place = (clientX: number): number => {
    const box = bar.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return domain.low;
    return domain.low + ((((clientX - box.left) * WIDTH) / box.width - EDGE) / (WIDTH - 2 * EDGE)) * width;
  };
  const stops = [domain.low, ...tissue.colour.map(([value]) => value).filter((value) => value > domain.low && value < domain.high), domain.high];
  const startDrag = (event: ReactPointerEvent<SVGElement>, index: number): void => {
    if (event.button !== 0) return;
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    scene.cell.beginDrag();
    const move = (moved: PointerEvent): void => {
      const now = scene.state.look;
      if (now !== null) scene.dragLook(moveColour(now, at, index, place(moved.clientX)), moved.timeStamp);
    };
    const end = (ended: PointerEvent): void => {
      target.removeEventListener('pointermove', move as EventListener);
      target.removeEventListener('pointerup', end as EventListener);
      target.removeEventListener('pointercancel', end as EventListener);
      scene.keepLook();
      scene.cell.endDrag(ended.timeStamp);
    };
    target.addEventListener('pointermove', move as EventListener);
    target.addEventListener('pointerup', end as EventListener);
    target.addEventListener('pointercancel', end as EventListener);
  };
  return (
    <svg ref={bar} className={classes.bar} viewBox={`0 0 ${WIDTH} ${BAR + 8}`} role="img" aria-label={t('volume3d.curve.colours')} onDoubleClick={(event) => onColour(place(event.clientX))} onContextMenu={(event) => event.preventDefault()}>
      <defs>
        <linearGradient id={paint}>
          {stops.map((value, index) => (
            <stop key={index} offset={shareOf(value)} stopColor={toHex(colourAt(tissue, value))} />
          ))}
        </linearGradient>
      </defs>
      <rect x={EDGE} width={WIDTH - 2 * EDGE} height={BAR} rx={3} fill={`url(#${paint})`} />
      {tissue.colour.map(([value, ...colour], index) => (
        <path
          key={index}
          className={classes.mark}
          transform={`translate(${x(value).toFixed(1)} ${BAR})`}
          d="M0 -2l5 9h-10z"
          style={{ fill: toHex(colour) }}
          onPointerDown={(event) => startDrag(event, index)}
          onContextMenu={(event) => {
            event.preventDefault();
            scene.setLook(removeColour(look, at, index), event.timeStamp);
          }}
        />
      ))}
    </svg>
  );
}

/** The histogram, by the logarithm of the counts: tissues are few beside the air around. */
function histogramPath({ histogram, lowest, highest }: VolumeFacts, domain: Domain): string {
  if (histogram.length === 0) return '';
  const step = (highest - lowest) / histogram.length;
  const heights: number[] = [];
  for (let px = 0; px <= WIDTH - 2 * EDGE; px += 1) {
    const from = domain.low + (px / (WIDTH - 2 * EDGE)) * (domain.high - domain.low);
    const to = from + (domain.high - domain.low) / (WIDTH - 2 * EDGE);
    const first = Math.floor((from - lowest) / step);
    const last = Math.max(first, Math.ceil((to - lowest) / step) - 1);
    let most = 0;
    for (let index = Math.max(0, first); index <= Math.min(last, histogram.length - 1); index += 1) most = Math.max(most, histogram[index] ?? 0);
    heights.push(Math.log1p(most));
  }
  const top = Math.max(1e-9, ...heights);
  const points = heights.map((height, px) => `${px + EDGE} ${(HEIGHT - (height / top) * (HEIGHT - 12)).toFixed(1)}`);
  return `M${EDGE} ${HEIGHT}L${points.join('L')}L${WIDTH - EDGE} ${HEIGHT}Z`;
}

/** A point of the curve as the fields tell it; what the curve says there. */
export function pointOf(tissue: Tissue | undefined, index: number): { value: number; opacity: number } | null {
  const point = tissue?.opacity[index];
  return tissue === undefined || point === undefined ? null : { value: point[0], opacity: opacityAt(tissue, point[0]) };
}

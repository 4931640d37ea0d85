import { memo } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { formatTenths } from '../../model/numbers';
import type { Vector } from '../../model/vector';
import { useViewer } from '../../ui/context';
import { canvasAt, mmPerPx } from '../model/camera';
import { angleDeg, lengthMm, type Measurement } from '../model/measure';
import { InInterfacePixels } from '../../ui/InInterfacePixels';
import { useDrawnCamera, useVolume } from './context';
import classes from './Overlay.module.css';

type Translate = (key: string, values?: Record<string, unknown>) => string;

/** What a measurement says: its length or angle, or a marker's name. */
export function measurementText({ kind, points, name }: Pick<Measurement, 'kind' | 'points' | 'name'>, locale: string, t: Translate): string {
  if (kind === 'marker') return name;
  if (kind !== 'angle') return t('volume3d.measure.mm', { value: formatTenths(lengthMm(points), locale) });
  const degrees = angleDeg(points);
  return degrees === null ? '' : t('volume3d.measure.degrees', { value: formatTenths(degrees, locale) });
}

/** Outline of a cut, stroke of the sphere and measurements, over the picture; they follow the camera. */
export const DrawOverlay = memo(function DrawOverlay() {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const { scene, hands } = useVolume();
  const camera = useDrawnCamera();
  const canvas = useSelected(scene.cell.store, (state) => state.canvas);
  const measurements = useSelected(scene.store, (state) => state.measurements);
  const draft = useSelected(scene.store, (state) => state.draft);
  const selected = useSelected(scene.store, (state) => state.selected);
  const radiusMm = useSelected(scene.store, (state) => state.radiusMm);
  const tool = useSelected(scene.store, (state) => state.bindings.left);
  const { outline, pointer, stroke } = useStore(hands.store);
  if (camera === null || canvas.widthPx < 1) return null;
  const at = (point: Vector): { x: number; y: number } | null => {
    const seen = canvasAt(camera, canvas, point);
    return seen === null ? null : { x: seen.x / canvas.perCss, y: seen.y / canvas.perCss };
  };
  const write = ({ x, y }: { x: number; y: number }): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const radius = radiusMm / mmPerPx(camera, canvas) / canvas.perCss;
  const cutting = outline.length > 0;
  const path = [...outline, ...(pointer !== null && cutting ? [pointer] : [])].map(write).join('L');
  const shape = (one: Pick<Measurement, 'kind' | 'points' | 'name'>, key: number | 'draft') => {
    const places = one.points.map(at);
    if (places.includes(null)) return null; // behind the eye
    const seen = places as { x: number; y: number }[];
    const moving = key === 'draft' && pointer !== null ? [...seen, pointer] : seen;
    const last = seen[one.kind === 'angle' ? Math.min(1, seen.length - 1) : seen.length - 1];
    const text = measurementText(one, locale, t as Translate);
    const chosen = key === selected;
    const line = `M${moving.map(write).join('L')}`;
    return (
      <g
        key={key}
        className={classes.measurement}
        data-kind={one.kind}
        data-measurement={key}
        data-chosen={chosen || undefined}
        onPointerDown={(event) => {
          if (key === 'draft' || event.button === 1) return;
          event.stopPropagation();
          if (event.button === 2) scene.removeMeasurement(key);
          else scene.select(key);
        }}
      >
        {moving.length > 1 && <path className={classes.outer} d={line} />}
        {moving.length > 1 && <path className={classes.inner} d={line} />}
        {seen.map((place, index) => (
          <circle key={index} cx={place.x.toFixed(1)} cy={place.y.toFixed(1)} r={one.kind === 'marker' ? 5 : 3.5} className={classes.end} />
        ))}
        {last !== undefined && text !== '' && (key !== 'draft' || one.points.length > 1) && (
          <text x={last.x + 10} y={last.y - 8} className={classes.label}>
            {text}
          </text>
        )}
      </g>
    );
  };
  return (
    <svg className={classes.vectors} aria-hidden data-draw="">
      <InInterfacePixels>
        {measurements.map((one) => shape(one, one.id))}
        {draft !== null && shape({ kind: draft.kind, points: draft.points, name: '' }, 'draft')}
        {cutting && (
          <>
            <path className={classes.cut} data-inverse={tool === 'cutOutside' || undefined} d={`M${path}Z`} />
            {outline.map((point, index) => (
              <circle key={index} cx={point.x} cy={point.y} r={index === 0 ? 6 : 3.5} className={classes.corner} data-first={index === 0 || undefined} />
            ))}
          </>
        )}
        {stroke.map((center, index) => {
          const place = at(center);
          return place !== null && <circle key={index} cx={place.x} cy={place.y} r={radius} className={classes.brushed} data-restores={tool === 'restoreSphere' || undefined} />;
        })}
        {pointer !== null && (tool === 'removeSphere' || tool === 'restoreSphere') && <circle cx={pointer.x} cy={pointer.y} r={radius} className={classes.brush} />}
      </InInterfacePixels>
    </svg>
  );
});

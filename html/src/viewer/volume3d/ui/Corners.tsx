import { memo } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { isBehind } from '../../control/volumeCell';
import type { SeriesDetail } from '../../model/series';
import { useViewer } from '../../ui/context';
import overlay from '../../ui/Overlay.module.css';
import { useLasting } from '../../ui/useLasting';
import { useVolume } from './context';
import { isAtRest, seenNow, volumeCorners } from './corners';
import { useLookName } from './names';
import classes from './Stage.module.css';

const LATE_MS = 300;

/** Who, how, and how good the picture is. */
export const Corners = memo(function Corners({ detail }: { detail: SeriesDetail | null }) {
  const { t } = useTranslation('viewer');
  const { viewer, study, phone, lying, locale } = useViewer();
  const { scene } = useVolume();
  const level = useSelected(viewer.store, (state) => state.overlay);
  const cell = scene.cell.store;
  const isOpen = useSelected(cell, ({ reference }) => reference !== null);
  const shown = useSelected(cell, (state) => state.shown);
  const opened = useSelected(cell, (state) => state.opened);
  const facts = useSelected(cell, (state) => state.facts);
  const rests = useSelected(cell, isAtRest);
  const behind = useSelected(cell, isBehind);
  // What is wanted is told only until a picture tells what is seen: it changes with every move of the hand.
  const scenery = useSelected(scene.store, (state) => (shown?.wish?.look === undefined ? state : null));
  const seen = shown?.wish?.look ?? null;
  const name = useSelected(scene.store, (state) => seenNow(seen, state.look, state.name)?.name ?? null);
  const nameOf = useLookName();
  const late = useLasting(behind, LATE_MS, shown?.sequence);
  if (level === 'off' || !isOpen) return null;
  const compact = phone && !lying;
  const wanted = scenery === null || scenery.camera === null ? null : { camera: scenery.camera, look: scenery.look, name: scenery.name, cuts: scenery.cuts.present };
  const corners = volumeCorners({ shown, opened, facts, rests }, seen === null ? wanted : { ...seen, name }, { study, detail, overlay: level, compact, locale, nameOf, t: t as (key: string) => string });
  return (
    <div className={`${overlay.overlay} ${classes.corners}`} data-phone={compact || undefined} data-overlay="" aria-hidden>
      <Lines className={overlay.topLeft} lines={corners.topLeft} strong />
      <Lines className={overlay.topRight} lines={corners.topRight} strong />
      <Lines className={`${overlay.bottomRight} ${classes.quality}`} lines={corners.bottomRight} />
      {late && <span className={overlay.behind}>{t('volume3d.corner.late')}</span>}
    </div>
  );
});

function Lines({ className, lines, strong = false }: { className: string | undefined; lines: readonly string[]; strong?: boolean }) {
  return (
    <div className={className}>
      {lines.map((line, index) => (
        <div key={index} className={strong && index === 0 ? overlay.strong : undefined}>
          {line}
        </div>
      ))}
    </div>
  );
}

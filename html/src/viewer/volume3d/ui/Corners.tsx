import { memo } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected, useStore } from '../../control/store';
import { isBehind } from '../../control/volumeCell';
import type { SeriesDetail } from '../../model/series';
import { useViewer } from '../../ui/context';
import overlay from '../../ui/Overlay.module.css';
import { useLasting } from '../../ui/useLasting';
import { useVolume } from './context';
import { volumeCorners } from './corners';
import { useLookName } from './names';
import classes from './Stage.module.css';

const LATE_MS = 300;

/** Who, how, and how good the picture is. */
export const Corners = memo(function Corners({ detail }: { detail: SeriesDetail | null }) {
  const { t } = useTranslation('viewer');
  const { viewer, study, phone, lying, locale } = useViewer();
  const { scene } = useVolume();
  const level = useSelected(viewer.store, (state) => state.overlay);
  const state = useStore(scene.cell.store);
  const scenery = useStore(scene.store);
  const nameOf = useLookName();
  const late = useLasting(isBehind(state), LATE_MS, state.shown?.sequence);
  if (level === 'off' || state.reference === null) return null;
  const compact = phone && !lying;
  const wanted = scenery.camera === null ? null : { camera: scenery.camera, look: scenery.look, name: scenery.name, cuts: scenery.cuts.present };
  const corners = volumeCorners(state, wanted, { study, detail, overlay: level, compact, locale, nameOf, t: t as (key: string) => string });
  return (
    <div className={overlay.overlay} data-phone={compact || undefined} data-overlay="" aria-hidden>
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

import { memo, useCallback, useRef, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { personName } from '../../../shared/format/person';
import { useSelected, useStore } from '../../control/store';
import { canvasAt, edgeLettersOf } from '../../volume3d/model/camera';
import { usePresetName } from '../../volume3d/ui/names';
import cells from '../../ui/CellView.module.css';
import { useViewer } from '../../ui/context';
import { InInterfacePixels } from '../../ui/InInterfacePixels';
import { Lines } from '../../ui/Overlay';
import overlayClasses from '../../ui/Overlay.module.css';
import { useCellCanvas } from '../../ui/useCellCanvas';
import { useVolumeWindowInput } from '../input/useVolumeWindowInput';
import { useMpr } from './context';
import classes from './mpr.module.css';
import { PlaneChip } from './PlaneChip';
import { Cursor } from './PlaneLines';

/** The volume beside the planes, in the look of its default preset: a drag turns it, a click sends the crossing there. */
export const VolumePane = memo(function VolumePane({ active }: { active: boolean }) {
  const { t } = useTranslation('viewer');
  const { phone } = useViewer();
  const { mpr } = useMpr();
  const { cell } = mpr.volume;
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useCellCanvas(cell, element, canvas);
  useVolumeWindowInput(element, mpr, useCallback(() => mpr.toggleEnlarged('volume'), [mpr]));
  return (
    <div
      ref={setElement}
      className={cells.cell}
      role="group"
      tabIndex={0}
      data-zone="window"
      data-cell={cell.number}
      data-kind="volume"
      data-active={active || undefined}
      aria-label={t('mpr.window.volume')}
      aria-current={active}
      onFocus={() => mpr.activate('volume')}
    >
      <canvas ref={canvas} className={cells.canvas} aria-hidden />
      <OnVolume />
      {!phone && <PlaneChip kind="volume" />}
      <span className={cells.frame} aria-hidden />
    </div>
  );
});

function OnVolume() {
  const { t } = useTranslation('viewer');
  const { study, phone } = useViewer();
  const { mpr } = useMpr();
  const nameOf = usePresetName();
  const overlay = useSelected(mpr.store, (state) => state.overlay);
  const cursor = useSelected(mpr.store, (state) => state.cursor);
  const camera = useSelected(mpr.volume.store, (state) => state.camera);
  const { facts, shown, canvas, opened } = useStore(mpr.volume.cell.store);
  if (overlay === 'off' || camera === null) return null;
  const letters = opened?.letters === false ? null : edgeLettersOf(camera);
  const patient = study === null || overlay !== 'full' || phone ? [] : [personName(study.patient_name) || t('common:noName'), study.patient_id];
  const seen = cursor === null || canvas.widthPx < 1 ? null : canvasAt(camera, canvas, cursor);
  return (
    <>
      {seen !== null && (
        <svg className={classes.lines} aria-hidden>
          <InInterfacePixels>
            <Cursor x={seen.x / canvas.perCss} y={seen.y / canvas.perCss} beside />
          </InInterfacePixels>
        </svg>
      )}
      <div className={`${overlayClasses.overlay} ${classes.overlay}`} data-overlay="" aria-hidden>
        <Lines className={`${overlayClasses.topLeft} ${phone ? '' : classes.underChip}`} lines={patient.filter((line) => line !== '')} strong />
        <Lines className={overlayClasses.topRight} lines={facts === null || shown === null ? [] : [nameOf(facts.default_preset)]} strong />
        <Lines className={`${overlayClasses.bottomRight} ${classes.quality}`} lines={shown === null ? [] : [...(shown.sourceLossy ? [t('corner.sourceLossy')] : []), ...(shown.coarse ? [t('mpr.coarse')] : []), t('mpr.coloursUnreal')]} />
        {letters !== null && (
          <>
            <span className={`${overlayClasses.letter} ${overlayClasses.top}`}>{letters.top}</span>
            <span className={`${overlayClasses.letter} ${overlayClasses.right}`}>{letters.right}</span>
            <span className={`${overlayClasses.letter} ${overlayClasses.bottom}`}>{letters.bottom}</span>
            <span className={`${overlayClasses.letter} ${overlayClasses.left}`}>{letters.left}</span>
          </>
        )}
      </div>
    </>
  );
}

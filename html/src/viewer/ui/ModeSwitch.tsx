import { Tooltip, UnstyledButton } from '@mantine/core';
import { useTranslation } from '../../shared/i18n';
import type { ViewerMode } from '../control/viewer';
import { useSelected } from '../control/store';
import { type Say, sayOf } from '../model/sentences';
import type { SeriesDetail } from '../model/series';
import { useViewer } from './context';
import classes from './ModeSwitch.module.css';
import { keepFocus } from './ToolButton';

const MODES: readonly ViewerMode[] = ['image', 'mpr', 'volume'];

/** 2D, MPR, 3D of one series; where it can be no volume, the tip says why. */
export function ModeSwitch({ seriesId, detail, phone = false }: { seriesId: number | null; detail: SeriesDetail | null; phone?: boolean }) {
  const { t } = useTranslation('viewer');
  const { mode, changeMode, viewer } = useViewer();
  const deleted = useSelected(viewer.store, (state) => state.deleted);
  const refusal = useRefusal(detail);
  return (
    <span className={classes.modes} role="group" aria-label={t('mode.title')} data-phone={phone || undefined}>
      {MODES.map((one) => {
        // Another page would lose the pictures of a study that is deleted.
        const off = one !== mode && (deleted || (one !== 'image' && (refusal !== null || seriesId === null)));
        const tip = off ? (deleted ? t('study.deleted') : (refusal ?? t('mode.noSeries'))) : t(`mode.${one}Tip`);
        return (
          <Tooltip key={one} label={tip} multiline maw={320}>
            <UnstyledButton
              className={classes.mode}
              data-tool=""
              data-name={t(`mode.${one}`)}
              data-chosen={one === mode || undefined}
              data-disabled={off || undefined}
              aria-pressed={one === mode}
              aria-disabled={off || undefined}
              aria-description={tip}
              onMouseDown={keepFocus}
              onClick={() => {
                if (!off && one !== mode) changeMode(one, seriesId);
              }}
            >
              {t(`mode.${one}`)}
            </UnstyledButton>
          </Tooltip>
        );
      })}
    </span>
  );
}

/** Why a series is no volume, in words; null where it is one or nobody said. */
export function useRefusal(detail: SeriesDetail | null): string | null {
  const { t } = useTranslation(['viewer', 'sentences']);
  const refusal = detail?.volume_refusal ?? null;
  return refusal === null ? null : sayOf(t as unknown as Say, refusal);
}

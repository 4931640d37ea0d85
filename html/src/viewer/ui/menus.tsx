import { Menu, Slider } from '@mantine/core';
import { useTranslation } from '../../shared/i18n';
import type { PlayMode } from '../control/cine';
import { useStore } from '../control/store';
import { layouts, type Layout } from '../control/viewer';
import { Choice } from './Choice';
import { useViewer } from './context';
import classes from './Toolbar.module.css';

const MODES: readonly PlayMode[] = ['loop', 'swing', 'once'];
/** The slider steps through speeds that are used. */
const SPEEDS = [1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60] as const;

/** Speed and way of playing. */
export function PlayItems() {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { fps, playMode } = useStore(viewer.store);
  const at = SPEEDS.findIndex((speed) => speed >= fps);
  return (
    <>
      <div className={classes.speed}>
        <div className={classes.speedLine}>
          <span>{t('play.speed')}</span>
          <span>{t('play.fps', { fps })}</span>
        </div>
        <Slider
          size="sm"
          min={0}
          max={SPEEDS.length - 1}
          label={null}
          thumbLabel={t('play.speed')}
          value={at < 0 ? SPEEDS.length - 1 : at}
          onChange={(index) => viewer.store.set({ fps: SPEEDS[index] ?? 15 })}
        />
      </div>
      <Menu.Divider />
      {MODES.map((mode) => (
        <Choice key={mode} chosen={playMode === mode} label={t(`play.${mode}`)} onChoose={() => viewer.setPlayMode(mode)} />
      ))}
    </>
  );
}

export function LayoutItems() {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { layout } = useStore(viewer.store);
  return (
    <div className={classes.layouts} role="group" aria-label={t('layout.title')}>
      {layouts.map((one) => {
        const chosen = one.rows === layout.rows && one.columns === layout.columns;
        return (
          <Choice
            key={`${one.rows}x${one.columns}`}
            chosen={chosen}
            icon={<LayoutPicture layout={one} />}
            label={`${one.rows}×${one.columns}`}
            ariaLabel={t('layout.name', { rows: one.rows, columns: one.columns })}
            className={classes.layout}
            onChoose={() => viewer.setLayout(one)}
          />
        );
      })}
    </div>
  );
}

function LayoutPicture({ layout }: { layout: Layout }) {
  return (
    <svg width="30" height="22" viewBox="0 0 30 22" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden>
      <rect x="1" y="1" width="28" height="20" rx="2" />
      {layout.columns === 2 && <path d="M15 1v20" />}
      {layout.rows === 2 && <path d="M1 11h28" />}
    </svg>
  );
}

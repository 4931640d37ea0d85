import { Menu, Popover, Radio, Slider, UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import type { PlayMode } from '../control/cine';
import { useStore } from '../control/store';
import { type Layout, MAX_COLUMNS, MAX_ROWS } from '../control/viewer';
import { Choice } from './Choice';
import { useViewer } from './context';
import classes from './Toolbar.module.css';

const MODES: readonly PlayMode[] = ['loop', 'swing', 'once'];
/** The slider steps through speeds that are used. */
const SPEEDS = [1, 2, 3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60] as const;

/** Speed and way of playing. Not a menu: a slider is no entry of one. */
export function PlaySettings() {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { fps, playMode } = useStore(viewer.store);
  const at = SPEEDS.findIndex((speed) => speed >= fps);
  return (
    <Popover position="bottom-start" width={260} offset={4} trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton className={classes.arrow} data-tool="" aria-label={t('play.settings')}>
          <IconChevronDown size={12} stroke={2} aria-hidden />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={classes.menu} aria-label={t('play.settings')}>
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
        <Radio.Group value={playMode} onChange={(mode) => viewer.setPlayMode(mode as PlayMode)} aria-label={t('play.settings')} px={10} pb={8}>
          {MODES.map((mode) => (
            <Radio key={mode} value={mode} label={t(`play.${mode}`)} size="xs" mt={8} />
          ))}
        </Radio.Group>
      </Popover.Dropdown>
    </Popover>
  );
}

/** The ways of playing as entries of More. */
export function PlayModeItems() {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { playMode } = useStore(viewer.store);
  return MODES.map((mode) => <Choice key={mode} chosen={playMode === mode} label={t(`play.${mode}`)} onChoose={() => viewer.setPlayMode(mode)} />);
}

/** Layouts as a board: the squares up to the one pointed at are the windows. On a phone only what can still be read. */
export function LayoutItems({ phone = false }: { phone?: boolean }) {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const { layout } = useStore(viewer.store);
  const [at, setAt] = useState<Layout>(layout);
  const rows = phone ? 2 : MAX_ROWS;
  const columns = phone ? 2 : MAX_COLUMNS;
  const all = Array.from({ length: rows * columns }, (_, index) => ({ rows: Math.floor(index / columns) + 1, columns: (index % columns) + 1 }));
  return (
    <div role="group" aria-label={t('layout.title')}>
      <div className={classes.layouts} style={{ gridTemplateColumns: `repeat(${columns}, 1fr)` }} onPointerLeave={() => setAt(layout)}>
        {all.map((one) => (
          <Menu.RadioItem
            key={`${one.rows}x${one.columns}`}
            value=""
            closeMenuOnClick
            checked={one.rows === layout.rows && one.columns === layout.columns}
            checkIcon={<></>}
            aria-label={t('layout.name', { rows: one.rows, columns: one.columns })}
            className={classes.layout ?? ''}
            data-covered={(one.rows <= at.rows && one.columns <= at.columns) || undefined}
            onPointerEnter={() => setAt(one)}
            onFocus={() => setAt(one)}
            onChange={() => viewer.setLayout(one)}
          />
        ))}
      </div>
      <div className={classes.layoutName} aria-hidden>{`${at.rows} × ${at.columns}`}</div>
    </div>
  );
}

import { Popover, Radio, Slider, UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useTranslation } from '../../shared/i18n';
import type { PlayMode } from '../control/cine';
import { Choice } from './Choice';
import classes from './Toolbar.module.css';

const MODES: readonly PlayMode[] = ['loop', 'swing', 'once'];

interface PlayWay {
  playMode: PlayMode;
  onMode: (mode: PlayMode) => void;
}

interface PlaySpeed extends PlayWay {
  /** The slider steps through speeds that are used. */
  speeds: readonly number[];
  fps: number;
  onFps: (fps: number) => void;
}

/** Speed and way of playing. Not a menu: a slider is no entry of one. */
export function PlaySettings({ speeds, fps, onFps, playMode, onMode }: PlaySpeed) {
  const { t } = useTranslation('viewer');
  const at = speeds.findIndex((speed) => speed >= fps);
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
            max={speeds.length - 1}
            label={null}
            thumbLabel={t('play.speed')}
            value={at < 0 ? speeds.length - 1 : at}
            onChange={(index) => onFps(speeds[index] ?? 15)}
          />
        </div>
        <Radio.Group value={playMode} onChange={(mode) => onMode(mode as PlayMode)} aria-label={t('play.settings')} px={10} pb={8}>
          {MODES.map((mode) => (
            <Radio key={mode} value={mode} label={t(`play.${mode}`)} size="xs" mt={8} />
          ))}
        </Radio.Group>
      </Popover.Dropdown>
    </Popover>
  );
}

/** The ways of playing as entries of More. */
export function PlayModeItems({ playMode, onMode }: PlayWay) {
  const { t } = useTranslation('viewer');
  return MODES.map((mode) => <Choice key={mode} chosen={playMode === mode} label={t(`play.${mode}`)} onChoose={() => onMode(mode)} />);
}

import { Menu, Tooltip, UnstyledButton } from '@mantine/core';
import { IconChevronRight, IconFocusCentered, IconRestore } from '@tabler/icons-react';
import { useRef } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { Choice } from '../../ui/Choice';
import toolbar from '../../ui/Toolbar.module.css';
import { keepFocus } from '../../ui/ToolButton';
import { useRovingFocus } from '../../ui/useRovingFocus';
import { DEFAULT_OBLIQUE_DEG, obliqueAngles, type Orientation, orientationName, standardFrame } from '../model/orientations';
import { useVolume } from './context';
import classes from './Panels.module.css';

/** Letters on the buttons; the first two as radiographs are called. */
export const LABELS: Readonly<Record<'A' | 'P' | 'L' | 'R' | 'H' | 'F', string>> = { A: 'AP', P: 'PA', L: 'L', R: 'R', H: 'H', F: 'F' };

/** The letters that are seen stand in the name, so that it can be called by them. */
export function named(letters: string, words: string): string {
  return `${letters}: ${words}`;
}

/** The standard orientations, at the left edge. */
export function OrientationPanel() {
  const { t } = useTranslation('viewer');
  const { scene } = useVolume();
  const panel = useRef<HTMLDivElement>(null);
  // Only when the name changes: the camera itself does with every picture.
  const key = useSelected(scene.store, ({ camera }) => {
    const named = camera === null ? null : orientationName(camera);
    return named === null ? '' : `${named.name}/${named.angleDeg ?? ''}`;
  });
  const letters = useSelected(scene.cell.store, ({ opened }) => opened?.letters !== false);
  useRovingFocus(panel);
  const [nowName, nowAngle] = key.split('/');
  const turn = (name: Orientation, angle: number | undefined, at: number): void => scene.orient(standardFrame(name, angle), at);
  return (
    <div ref={panel} className={classes.orientation} data-chrome="" role="toolbar" aria-orientation="vertical" aria-label={t('volume3d.orientation.title')} data-zone="orientation">
      {letters && (Object.keys(LABELS) as (keyof typeof LABELS)[]).map((name) => (
        <Tooltip key={name} label={t(`volume3d.orientation.${name}`)} position="right">
          <UnstyledButton className={classes.view} data-tool="" data-pressed={nowName === name || undefined} aria-pressed={nowName === name} aria-label={named(LABELS[name], t(`volume3d.orientation.${name}`))} onMouseDown={keepFocus} onClick={(event) => turn(name, undefined, event.timeStamp)}>
            {LABELS[name]}
          </UnstyledButton>
        </Tooltip>
      ))}
      {letters && <span className={classes.line} aria-hidden />}
      {letters && (['LAO', 'RAO'] as const).map((name) => (
        <span key={name} className={classes.oblique} data-pressed={nowName === name || undefined}>
          <Tooltip label={t(`volume3d.orientation.${name}`)} position="right">
            <UnstyledButton className={classes.view} data-tool="" data-pressed={nowName === name || undefined} aria-pressed={nowName === name} aria-label={named(name, t(`volume3d.orientation.${name}`))} onMouseDown={keepFocus} onClick={(event) => turn(name, DEFAULT_OBLIQUE_DEG, event.timeStamp)}>
              {name}
            </UnstyledButton>
          </Tooltip>
          <Menu position="right-start" width={120} offset={4} returnFocus>
            <Menu.Target>
              <UnstyledButton className={classes.more} data-tool="" aria-label={t('volume3d.orientation.angles', { name })}>
                <IconChevronRight size={12} stroke={2} aria-hidden />
              </UnstyledButton>
            </Menu.Target>
            <Menu.Dropdown className={toolbar.menu ?? ''}>
              {obliqueAngles.map((angle) => (
                <Choice key={angle} chosen={nowName === name && nowAngle === String(angle)} label={`${name} ${angle}°`} onChoose={(at) => turn(name, angle, at)} />
              ))}
            </Menu.Dropdown>
          </Menu>
        </span>
      ))}
      {letters && <span className={classes.line} aria-hidden />}
      <Tooltip label={t('volume3d.orientation.center')} position="right">
        <UnstyledButton className={classes.view} data-tool="" aria-label={t('volume3d.orientation.center')} onMouseDown={keepFocus} onClick={(event) => scene.recenter(event.timeStamp)}>
          <IconFocusCentered size={18} stroke={1.7} aria-hidden />
        </UnstyledButton>
      </Tooltip>
      <Tooltip label={t('volume3d.action.resetPosition')} position="right">
        <UnstyledButton className={classes.view} data-tool="" aria-label={t('volume3d.action.resetPosition')} onMouseDown={keepFocus} onClick={(event) => scene.resetPosition(event.timeStamp)}>
          <IconRestore size={18} stroke={1.7} aria-hidden />
        </UnstyledButton>
      </Tooltip>
    </div>
  );
}

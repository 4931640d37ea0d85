import { Menu, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconGridDots } from '@tabler/icons-react';
import { useTranslation } from '../../../shared/i18n';
import { useSelected } from '../../control/store';
import { type Say, sayOf } from '../../model/sentences';
import { keepFocus } from '../../ui/ToolButton';
import toolbar from '../../ui/Toolbar.module.css';
import { useMpr } from './context';
import { VolumeItems } from './menus';
import classes from './mpr.module.css';

/** Names the volume that is shown, and chooses another; nothing where the series has one. Over the windows, so that the bar stays as it is. */
export function VolumeChooser() {
  const { t } = useTranslation(['viewer', 'sentences']);
  const { mpr } = useMpr();
  const opened = useSelected(mpr.cell('axial').store, (state) => state.opened);
  const shown = opened?.volumes.find(({ number }) => number === opened.volume);
  if (opened === null || opened.volumes.length < 2 || shown === undefined) return null;
  const name = sayOf(t as unknown as Say, shown.label);
  return (
    <Menu position="bottom" width={320} offset={4} returnFocus>
      <Menu.Target>
        <UnstyledButton className={classes.volume} aria-label={`${t('mpr.volumes.title')}: ${name}`} onMouseDown={keepFocus}>
          <IconGridDots size={16} stroke={1.7} aria-hidden />
          <span>{name}</span>
          <IconChevronDown size={14} stroke={2} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown className={toolbar.menu ?? ''}>
        <VolumeItems />
      </Menu.Dropdown>
    </Menu>
  );
}

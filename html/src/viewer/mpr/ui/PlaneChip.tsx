import { Menu, UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useTranslation } from '../../../shared/i18n';
import { Choice } from '../../ui/Choice';
import { keepFocus } from '../../ui/ToolButton';
import toolbar from '../../ui/Toolbar.module.css';
import { type WindowKind, windowKinds } from '../model/state';
import { useMpr } from './context';
import classes from './mpr.module.css';

/** What the window shows, in its plane's colour; it chooses another. */
export function PlaneChip({ kind }: { kind: WindowKind }) {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  const name = t(`mpr.${kind}`);
  return (
    <Menu position="bottom-start" width={180} offset={4} returnFocus>
      <Menu.Target>
        <UnstyledButton className={classes.chip} data-chrome="" data-plane={kind} aria-label={t('mpr.chip', { plane: name })} onMouseDown={keepFocus}>
          <span>{name}</span>
          <IconChevronDown size={14} stroke={2} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown className={toolbar.menu ?? ''} data-chrome="">
        {windowKinds.map((one) => (
          <Choice key={one} chosen={one === kind} label={t(`mpr.${one}`)} onChoose={() => mpr.choose(kind, one)} />
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

import { Menu, Tooltip, UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import type { ComponentType, MouseEvent as ReactMouseEvent, ReactNode } from 'react';
import { useTranslation } from '../../shared/i18n';
import { iconSize, iconStroke } from '../../shared/icons';
import { keyName } from './keyName';
import classes from './Toolbar.module.css';

export type Icon = ComponentType<{ size?: number | string; stroke?: number | string }>;

interface ToolButtonProps {
  icon: Icon;
  label: string;
  shortcut?: string | undefined;
  pressed?: boolean | undefined;
  disabled?: boolean;
  /** L, M or R: the mouse button that drives this tool. */
  letter?: string | undefined;
  onPress: (event: ReactMouseEvent) => void;
  /** A click with the middle or right mouse button. */
  onOtherButton?: (button: 'middle' | 'right') => void;
}

/** The mouse must not take the focus: keys stay with the image. */
export const keepFocus = (event: ReactMouseEvent): void => event.preventDefault();

export function ToolButton({ icon: IconOf, label, shortcut, pressed, disabled = false, letter, onPress, onOtherButton }: ToolButtonProps) {
  const { t } = useTranslation('viewer');
  return (
    <Tooltip label={shortcut === undefined ? label : `${label} (${keyName(t, shortcut)})`}>
      <UnstyledButton
        className={classes.tool}
        data-tool=""
        data-pressed={pressed || undefined}
        data-disabled={disabled || undefined}
        aria-label={label}
        aria-disabled={disabled || undefined}
        aria-pressed={pressed}
        aria-keyshortcuts={shortcut}
        onMouseDown={keepFocus}
        onClick={(event) => {
          if (!disabled) onPress(event);
        }}
        onAuxClick={(event) => {
          if (event.button === 1) onOtherButton?.('middle');
          if (event.button === 2) onOtherButton?.('right');
        }}
        onContextMenu={(event) => event.preventDefault()}
      >
        <IconOf size={iconSize.tool} stroke={iconStroke} />
        {letter !== undefined && (
          <span className={classes.letter} data-letter={letter} aria-hidden />
        )}
      </UnstyledButton>
    </Tooltip>
  );
}

interface FamilyMenuProps {
  label: string;
  /** Instead of the arrow alone: the name of what is chosen. */
  text?: string;
  width?: number;
  children: ReactNode;
}

/** The arrow of a family of tools. */
export function FamilyMenu({ label, text, width = 240, children }: FamilyMenuProps) {
  return (
    <Menu position="bottom-start" width={width} offset={4} returnFocus>
      <Menu.Target>
        <UnstyledButton className={text === undefined ? classes.arrow : classes.name} data-tool="" aria-label={text === undefined ? label : `${label}: ${text}`}>
          {text !== undefined && <span>{text}</span>}
          <IconChevronDown size={12} stroke={2} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown className={classes.menu}>{children}</Menu.Dropdown>
    </Menu>
  );
}

interface FamilyToolProps {
  icon: Icon;
  label: string;
  width?: number;
  position?: 'bottom-start' | 'bottom-end';
  children: ReactNode;
}

/** A tool that is only a list. */
export function FamilyTool({ icon: IconOf, label, width = 200, position = 'bottom-start', children }: FamilyToolProps) {
  return (
    <Menu position={position} width={width} offset={4}>
      <Menu.Target>
        <button type="button" className={classes.tool} data-tool="" aria-label={label} title={label}>
          <IconOf size={iconSize.tool} stroke={iconStroke} />
        </button>
      </Menu.Target>
      <Menu.Dropdown className={classes.menu}>{children}</Menu.Dropdown>
    </Menu>
  );
}

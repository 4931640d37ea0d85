import { Menu } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** A switch in a menu, by itself. */
export function Switch({ on, label, onSwitch }: { on: boolean; label: ReactNode; onSwitch: (on: boolean, at: number) => void }) {
  return (
    <Menu.CheckboxItem checked={on} checkIcon={<IconCheck size={16} aria-hidden />} data-chosen={on || undefined} onChange={(now) => onSwitch(now, performance.now())}>
      {label}
    </Menu.CheckboxItem>
  );
}

interface ChoiceProps {
  chosen: boolean;
  label: ReactNode;
  /** Beside the label, at the end of the row. */
  hint?: ReactNode;
  /** Instead of the tick. */
  icon?: ReactNode;
  ariaLabel?: string;
  className?: string | undefined;
  onChoose: (at: number) => void;
}

/** One of several in a menu, of which one holds. */
export function Choice({ chosen, label, hint, icon, ariaLabel, className, onChoose }: ChoiceProps) {
  return (
    <Menu.RadioItem
      value=""
      closeMenuOnClick
      checked={chosen}
      checkIcon={icon === undefined ? <IconCheck size={16} aria-hidden /> : <></>}
      data-chosen={chosen || undefined}
      data-icon={icon === undefined ? undefined : ''}
      aria-label={ariaLabel}
      className={className ?? ''}
      rightSection={hint === undefined ? undefined : <span data-hint="">{hint}</span>}
      onChange={() => onChoose(performance.now())}
    >
      {icon}
      {label}
    </Menu.RadioItem>
  );
}

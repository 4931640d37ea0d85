import { Menu } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { Fragment, type ReactNode } from 'react';
import { useTranslation } from '../../shared/i18n';
import { MakingBadge } from './MakingBadge';
import { FamilyTool } from './ToolButton';
import classes from './Toolbar.module.css';

export interface Family {
  name: string;
  tools: ReactNode;
  /** A line before it. */
  splits?: boolean;
  /** Stands at the right end of the bar. */
  atEnd?: boolean;
  /** Its head and entries in More. */
  label: string;
  items: ReactNode;
}

/**
 * Families of tools: the first ones on the bar, what has no room in More.
 *
 * @param off why none of them can be used now
 */
export function ToolFamilies({ families, shown, moreWidth, off = null }: { families: readonly Family[]; shown: number; moreWidth: number; off?: string | null }) {
  const { t } = useTranslation('viewer');
  const folded = families.slice(shown);
  return (
    <>
      {families.map((family, index) => (
        <Fragment key={family.name}>
          {family.atEnd === true && index < shown && <span className={classes.space} />}
          <span className={classes.family} data-family="" hidden={index >= shown} title={off ?? undefined}>
            {family.splits === true && <Split />}
            <span className={classes.family} inert={off !== null}>
              {family.tools}
            </span>
          </span>
        </Fragment>
      ))}
      {folded.length > 0 && off === null && (
        <FamilyTool label={t('phone.more')} icon={IconDots} width={moreWidth} position="bottom-end">
          {folded.map((family, index) => (
            <Fragment key={family.name}>
              {index > 0 && <Menu.Divider />}
              <Menu.Label>{family.label}</Menu.Label>
              {family.items}
            </Fragment>
          ))}
        </FamilyTool>
      )}
      {/* There from the start: the bar makes room when something comes into it. */}
      <span className={classes.family} data-essential="">
        <MakingBadge />
      </span>
    </>
  );
}

/** A line between tools. */
export function Split() {
  return <span className={classes.split} aria-hidden />;
}

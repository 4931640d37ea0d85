import { Menu } from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { Fragment, type ReactNode } from 'react';
import { useTranslation } from '../../shared/i18n';
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

/** Families of tools: the first ones on the bar, what has no room in More. */
export function ToolFamilies({ families, shown, moreWidth }: { families: readonly Family[]; shown: number; moreWidth: number }) {
  const { t } = useTranslation('viewer');
  const folded = families.slice(shown);
  return (
    <>
      {families.map((family, index) => (
        <Fragment key={family.name}>
          {family.atEnd === true && index < shown && <span className={classes.space} />}
          <span className={classes.family} data-family="" hidden={index >= shown}>
            {family.splits === true && <Split />}
            {family.tools}
          </span>
        </Fragment>
      ))}
      {folded.length > 0 && (
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
    </>
  );
}

/** A line between tools. */
export function Split() {
  return <span className={classes.split} aria-hidden />;
}

import { Menu } from '@mantine/core';
import { useTranslation } from '../../shared/i18n';
import { barOf, type ColourTable, colourTables } from '../model/colours';
import { Choice } from './Choice';
import classes from './Overlay.module.css';

/** Colour tables to choose from, each with its bar. */
export function ColourItems({ chosen, onChoose }: { chosen: ColourTable; onChoose: (table: ColourTable, at: number) => void }) {
  const { t } = useTranslation('viewer');
  return (
    <>
      <Menu.Label>{t('mpr.colours.title')}</Menu.Label>
      {colourTables.map((table) => (
        <Choice
          key={table}
          chosen={chosen === table}
          label={t(`mpr.colours.${table}`)}
          hint={<span className={classes.swatch} style={{ background: barOf(table).replace('to top', 'to right') }} aria-hidden />}
          onChoose={(at) => onChoose(table, at)}
        />
      ))}
    </>
  );
}

/** The bar beside a picture that is shown in colours. */
export function ColourBar({ table, inverted }: { table: ColourTable; inverted: boolean }) {
  if (table === 'grey') return null;
  const turned = inverted ? { transform: 'translateY(-50%) rotate(180deg)' } : {};
  return <span className={classes.colourBar} data-colours={table} style={{ background: barOf(table), ...turned }} />;
}

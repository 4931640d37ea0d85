import { Menu } from '@mantine/core';
import { useTranslation } from '../../shared/i18n';
import type { CellController } from '../control/cell';
import { useSelected } from '../control/store';
import { graphicsOf } from '../model/graphics';
import { Switch } from './Choice';

/** Switches for overlays and shutters of the images, where the series has any. */
export function GraphicsItems({ cell, title = true }: { cell: CellController; title?: boolean }) {
  const { t } = useTranslation('viewer');
  const has = useSelected(cell.store, ({ detail }) => graphicsOf(detail));
  const overlays = useSelected(cell.store, ({ data }) => data.overlays);
  const shutters = useSelected(cell.store, ({ data }) => data.shutters);
  if (!has.overlays && !has.shutters) return null;
  return (
    <>
      {title && <Menu.Label>{t('graphics.title')}</Menu.Label>}
      {has.overlays && <Switch on={overlays} label={t('graphics.overlays')} onSwitch={(on, at) => cell.change({ data: { overlays: on } }, at, false)} />}
      {has.shutters && <Switch on={shutters} label={t('graphics.shutters')} onSwitch={(on, at) => cell.change({ data: { shutters: on } }, at, false)} />}
    </>
  );
}

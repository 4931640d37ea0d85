import { Menu } from '@mantine/core';
import { IconEraser, IconTrash } from '@tabler/icons-react';
import { useTranslation } from '../../../shared/i18n';
import { useStore } from '../../control/store';
import { useViewer } from '../../ui/context';
import { measuringOf } from '../control/measureOf';
import type { Translate } from '../model/text';
import { textOf } from './MeasureList';

/** The head of a context menu that was opened on a measurement; nothing elsewhere. */
export function MeasureMenuItems() {
  const { t } = useTranslation('viewer');
  const { viewer, locale } = useViewer();
  const { measures } = measuringOf(viewer);
  const { menu, items } = useStore(measures.store);
  const item = items.find((one) => one.id === menu);
  if (item === undefined) return null;
  const text = textOf(item, locale, t as Translate);
  return (
    <>
      <Menu.Label>{[t(`tool.${item.tool}`), text.split(' · ')[0]].filter((part) => part !== undefined && part !== '').join(' ')}</Menu.Label>
      <Menu.Item color="red" leftSection={<IconTrash size={16} />} rightSection={<span data-hint="">Del</span>} onClick={() => measures.removeOne(item.id)}>
        {t('measure.deleteThis')}
      </Menu.Item>
      <Menu.Item leftSection={<IconEraser size={16} />} onClick={() => measures.removeAllOf(item.place)}>
        {t(item.place.kind === 'plane' ? 'measure.deletePlane' : 'measure.deleteImage')}
      </Menu.Item>
      <Menu.Divider />
    </>
  );
}

import { Menu } from '@mantine/core';
import { IconAxisX, IconColumns3, IconCopy, IconCube, IconDownload, IconPhotoScan, IconTrash, IconX } from '@tabler/icons-react';
import { iconStroke } from '../../shared/icons';
import { currentLanguage, useTranslation } from '../../shared/i18n';
import { columnById, type TableLayout } from '../model/columns';
import { rowAsCsv, rowAsJson } from '../model/copy';
import { copyText } from './copying';
import type { MenuRequest, StudyActions } from './StudyTable';

interface RowMenuProps {
  request: MenuRequest | null;
  layout: TableLayout;
  actions: StudyActions;
  hasSelection: boolean;
  onCancelSelection: () => void;
  onSettings: () => void;
  onClose: () => void;
}

/** The menu of a row or of the head (manual 3.14.3), where it was asked for. */
export function RowMenu({ request, layout, actions, hasSelection, onCancelSelection, onSettings, onClose }: RowMenuProps) {
  const { t } = useTranslation('studies');
  const icon = (Icon: typeof IconCopy) => <Icon size={16} stroke={iconStroke} aria-hidden />;
  const study = request?.study ?? null;
  const meant = study === null ? [] : actions.meant(study);
  const count = meant.length;
  const columns = layout.order.filter((id) => !layout.hidden.includes(id)).flatMap((id) => columnById(id) ?? []);
  const cell = columnById(request?.columnId ?? '');
  const value = study !== null && cell !== undefined ? cell.text(study, currentLanguage()) : '';
  return (
    <Menu opened={request !== null} onChange={(open) => !open && onClose()} position="bottom-start" offset={0} width={240} withinPortal returnFocus>
      <Menu.Target>
        <span style={{ position: 'fixed', left: request?.x ?? 0, top: request?.y ?? 0, width: 0, height: 0 }} aria-hidden />
      </Menu.Target>
      <Menu.Dropdown>
        {study !== null && (
          <>
            <Menu.Item leftSection={icon(IconPhotoScan)} onClick={() => actions.open(study, null)}>
              {t('openIn')}
            </Menu.Item>
            <Menu.Item leftSection={icon(IconAxisX)} onClick={() => actions.open(study, null, 'mpr')}>
              {t('openInMpr')}
            </Menu.Item>
            <Menu.Item leftSection={icon(IconCube)} onClick={() => actions.open(study, null, 'volume')}>
              {t('openInVolume')}
            </Menu.Item>
            <Menu.Divider />
            <Menu.Item leftSection={icon(IconCopy)} disabled={value === ''} onClick={() => void copyText(value)}>
              {t('copyValue')}
            </Menu.Item>
            <Menu.Item leftSection={icon(IconCopy)} onClick={() => void copyText(rowAsJson(study, columns))}>
              {t('copyJson')}
            </Menu.Item>
            <Menu.Item
              leftSection={icon(IconCopy)}
              onClick={() => void copyText(rowAsCsv(study, columns, columns.map((one) => t(`columns.${one.id}`)), currentLanguage()))}
            >
              {t('copyCsv')}
            </Menu.Item>
          </>
        )}
        <Menu.Item leftSection={icon(IconX)} disabled={!hasSelection} onClick={onCancelSelection}>
          {t('cancelSelection')}
        </Menu.Item>
        <Menu.Item leftSection={icon(IconColumns3)} onClick={onSettings}>
          {t('tableSettings')}
        </Menu.Item>
        {study !== null && (
          <>
            <Menu.Divider />
            <Menu.Item leftSection={icon(IconDownload)} onClick={() => actions.download(meant)}>
              {count > 1 ? t('downloadCount', { count }) : t('download')}
            </Menu.Item>
            <Menu.Item color="var(--wv-danger)" leftSection={icon(IconTrash)} onClick={() => actions.remove(meant)}>
              {count > 1 ? t('remove.act', { count }) : t('delete')}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

import { Button, Group, Kbd, Modal, NumberInput, Stack, Table } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { actionKeys, type ActionName, keyLabel, toolKeys } from '../input/actions';
import { currentWindow } from '../input/drag';
import { tools } from '../model/tools';
import { frameAt } from '../model/series';
import { windowValues } from '../model/windowing';
import { useViewer } from './context';

/** Window width and level by numbers. */
export function WindowDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { phone } = useViewer();
  return (
    <Modal opened={opened} onClose={onClose} title={t('window.dialog')} size={360} fullScreen={phone}>
      {opened && <WindowForm onClose={onClose} />}
    </Modal>
  );
}

function WindowForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const cell = viewer.activeCell;
  const now = currentWindow(cell.state);
  const [width, setWidth] = useState<number | string>(now?.width ?? '');
  const [level, setLevel] = useState<number | string>(now?.center ?? '');
  const [tried, setTried] = useState(false);
  const widthFault = typeof width === 'number' && width > 0 && width <= 1e9 ? null : t('window.widthFault');
  const levelFault = typeof level === 'number' && Math.abs(level) <= 1e9 ? null : t('window.levelFault');
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (widthFault !== null || levelFault !== null) return;
        const frame = frameAt(cell.state.detail, cell.state.reference.image);
        const window = windowValues({ width: Number(width), center: Number(level) }, frame?.voi_lut_function);
        cell.change({ data: { window, presetId: null } }, event.timeStamp, false);
        onClose();
      }}
    >
      <Stack gap="md">
        <NumberInput label={t('window.width')} value={width} onChange={setWidth} min={0} hideControls data-autofocus error={tried ? widthFault : null} />
        <NumberInput label={t('window.level')} value={level} onChange={setLevel} hideControls error={tried ? levelFault : null} />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            {t('common:cancel')}
          </Button>
          <Button type="submit">{t('window.apply')}</Button>
        </Group>
      </Stack>
    </form>
  );
}

/** All keys, for `?`. */
export function KeysDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { phone } = useViewer();
  const rows: [string, string[]][] = [
    [t('keys.images'), ['↑', '↓', 'PgUp', 'PgDn']],
    [t('keys.ends'), ['Home', 'End']],
    [t('keys.series'), ['←', '→']],
    ...tools.map((tool): [string, string[]] => [t(`tool.${tool}`), [toolKeys[tool]]]),
    ...(Object.entries(actionKeys) as [ActionName, string][]).map(([name, key]): [string, string[]] => [t(`action.${name}`), [keyLabel(key)]]),
    [t('keys.regions'), ['F6']],
    [t('keys.menu'), ['Shift+F10']],
    [t('keys.escape'), ['Esc']],
  ];
  const mouse: [string, string][] = [
    [t('keys.wheel'), t('keys.wheelDoes')],
    [t('keys.ctrlWheel'), t('tool.zoom')],
    [t('keys.doubleClick'), t('menu.enlarge')],
    [t('keys.toolClick'), t('keys.toolClickDoes')],
  ];
  return (
    <Modal opened={opened} onClose={onClose} title={t('action.keys')} size={600} fullScreen={phone}>
      <Table withRowBorders={false} verticalSpacing={3} aria-label={t('action.keys')}>
        <Table.Tbody>
          {rows.map(([name, keys]) => (
            <Table.Tr key={name}>
              <Table.Td>{name}</Table.Td>
              <Table.Td style={{ textAlign: 'right' }}>
                {keys.map((key) => (
                  <Kbd key={key} ml={6} size="sm">
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
            </Table.Tr>
          ))}
          {mouse.map(([gesture, does]) => (
            <Table.Tr key={gesture}>
              <Table.Td>{does}</Table.Td>
              <Table.Td style={{ textAlign: 'right' }}>{gesture}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}

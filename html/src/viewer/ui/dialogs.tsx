import { Button, Group, Kbd, Modal, Stack, Table, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { useStore } from '../control/store';
import { actionKeys, type ActionName, keyLabel, toolKeys } from '../input/actions';
import { currentWindow } from '../input/drag';
import { formatWindowNumber, parseNumber, type Typed } from '../model/numbers';
import { measureTools, tools } from '../model/tools';
import { frameAt } from '../model/series';
import { windowValues } from '../model/windowing';
import { useViewer } from './context';
import classes from './dialogs.module.css';

/** Window width and level by numbers. */
export function WindowDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { phone } = useViewer();
  return (
    <Modal opened={opened} onClose={onClose} title={t('window.dialog')} size={360} fullScreen={phone} closeButtonProps={{ 'aria-label': t('common:close') }}>
      {opened && <WindowForm onClose={onClose} />}
    </Modal>
  );
}

function WindowForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { viewer, locale } = useViewer();
  const cell = viewer.activeCell;
  const now = currentWindow(cell.state);
  const [width, setWidth] = useState(now === null ? '' : formatWindowNumber(now.width, now.width, locale));
  const [level, setLevel] = useState(now === null ? '' : formatWindowNumber(now.center, now.width, locale));
  const [tried, setTried] = useState(false);
  const typedWidth = parseNumber(width, locale);
  const typedLevel = parseNumber(level, locale);
  const faultOf = (typed: Typed, good: boolean, words: 'window.widthFault' | 'window.levelFault'): string | null => {
    if (typed.fault === 'mark') return t('window.markFault');
    return typed.value === null || !good ? t(words) : null;
  };
  const widthFault = faultOf(typedWidth, typedWidth.value !== null && typedWidth.value > 0 && typedWidth.value <= 1e9, 'window.widthFault');
  const levelFault = faultOf(typedLevel, typedLevel.value !== null && Math.abs(typedLevel.value) <= 1e9, 'window.levelFault');
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (widthFault !== null || levelFault !== null || typedWidth.value === null || typedLevel.value === null) return;
        const frame = frameAt(cell.state.detail, cell.state.reference.image);
        const window = windowValues({ width: typedWidth.value, center: typedLevel.value }, frame?.voi_lut_function);
        cell.change({ data: { window, presetId: null } }, event.timeStamp, false);
        onClose();
      }}
    >
      <Stack gap="md">
        <TextInput
          label={t('window.width')}
          value={width}
          onChange={(event) => setWidth(event.currentTarget.value)}
          inputMode="decimal"
          autoComplete="off"
          data-autofocus
          error={tried ? widthFault : null}
        />
        {/* No inputMode: a phone's keys for numbers have no minus. */}
        <TextInput
          label={t('window.level')}
          value={level}
          onChange={(event) => setLevel(event.currentTarget.value)}
          autoComplete="off"
          error={tried ? levelFault : null}
        />
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

/** All keys and what the mouse does, for `?`. */
export function KeysDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { phone } = useViewer();
  return (
    <Modal opened={opened} onClose={onClose} title={t('action.keys')} size={600} fullScreen={phone} closeButtonProps={{ 'aria-label': t('common:close') }}>
      {opened && <Keys />}
    </Modal>
  );
}

function Keys() {
  const { t } = useTranslation('viewer');
  const { bindings } = useStore(useViewer().viewer.store);
  const keys: [string, string[]][] = [
    [t('keys.images'), ['↑', '↓', 'PgUp', 'PgDn']],
    [t('keys.ends'), ['Home', 'End']],
    [t('keys.series'), ['←', '→']],
    ...[...tools, ...measureTools].flatMap((tool): [string, string[]][] => (toolKeys[tool] === undefined ? [] : [[t(`tool.${tool}`), [toolKeys[tool]]]])),
    [t('measure.deleteThis'), ['Del']],
    [t('measure.undo'), ['Ctrl+Z']],
    ...(Object.entries(actionKeys) as [ActionName, string][]).map(([name, key]): [string, string[]] => [t(`action.${name}`), [keyLabel(key)]]),
    [t('keys.regions'), ['F6']],
    [t('keys.menu'), ['Shift+F10']],
    [t('keys.escape'), ['Esc']],
  ];
  const mouse: [string, string][] = [
    ...(['left', 'middle', 'right'] as const).map((button): [string, string] => [t(`tool.${bindings[button]}`), t(`keys.drag.${button}`)]),
    [t('keys.wheelDoes'), t('keys.wheel')],
    [t('keys.ctrlWheelDoes'), t('keys.ctrlWheel')],
    [t('menu.enlarge'), t('keys.doubleClick')],
    [t('keys.menu'), t('keys.rightClick')],
    [t('keys.toolClickDoes'), t('keys.toolClick')],
  ];
  const row = (name: string, how: ReactNode, key: string) => (
    <Table.Tr key={key}>
      <Table.Td>{name}</Table.Td>
      <Table.Td style={{ textAlign: 'right' }}>{how}</Table.Td>
    </Table.Tr>
  );
  const pressed = (key: string) => (
    <Kbd key={key} ml={6} size="sm">
      {key}
    </Kbd>
  );
  return (
    <>
      <Table withRowBorders={false} verticalSpacing={3} aria-label={t('keys.mouse')} captionSide="top">
        <Table.Caption className={classes.caption}>{t('keys.mouse')}</Table.Caption>
        <Table.Tbody>{mouse.map(([does, gesture]) => row(does, gesture, gesture))}</Table.Tbody>
      </Table>
      <Table withRowBorders={false} verticalSpacing={3} aria-label={t('keys.keyboard')} captionSide="top" mt="sm">
        <Table.Caption className={classes.caption}>{t('keys.keyboard')}</Table.Caption>
        <Table.Tbody>{keys.map(([name, held]) => row(name, held.map(pressed), name))}</Table.Tbody>
      </Table>
    </>
  );
}

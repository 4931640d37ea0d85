import { Button, Group, Kbd, Modal, Stack, Table, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { useStore } from '../../control/store';
import { keyLabel } from '../../input/actions';
import { formatWindowNumber, parseNumber, type Typed } from '../../model/numbers';
import { windowValues } from '../../model/windowing';
import { useViewer } from '../../ui/context';
import classes from '../../ui/dialogs.module.css';
import { mprKeys } from '../input/keys';
import { useMpr } from './context';

interface DialogProps {
  opened: boolean;
  onClose: () => void;
}

/** Window width and level by numbers, for all planes. */
export function MprWindowDialog({ opened, onClose }: DialogProps) {
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
  const { locale } = useViewer();
  const { mpr } = useMpr();
  const now = mpr.windowValues;
  const [width, setWidth] = useState(now === null ? '' : formatWindowNumber(now.width, now.width, locale));
  const [level, setLevel] = useState(now === null ? '' : formatWindowNumber(now.center, now.width, locale));
  const [tried, setTried] = useState(false);
  const typedWidth = parseNumber(width, locale);
  const typedLevel = parseNumber(level, locale);
  const faultOf = (typed: Typed, good: boolean, words: string): string | null => (typed.fault === 'mark' ? t('window.markFault') : typed.value === null || !good ? t(words) : null);
  const widthFault = faultOf(typedWidth, typedWidth.value !== null && typedWidth.value > 0 && typedWidth.value <= 1e9, 'window.widthFault');
  const levelFault = faultOf(typedLevel, typedLevel.value !== null && Math.abs(typedLevel.value) <= 1e9, 'window.levelFault');
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTried(true);
        if (widthFault !== null || levelFault !== null || typedWidth.value === null || typedLevel.value === null) return;
        mpr.setWindow(windowValues({ width: typedWidth.value, center: typedLevel.value }, undefined), null, event.timeStamp, false);
        onClose();
      }}
    >
      <Stack gap="md">
        <TextInput label={t('window.width')} value={width} onChange={(event) => setWidth(event.currentTarget.value)} inputMode="decimal" autoComplete="off" data-autofocus error={tried ? widthFault : null} />
        {/* No inputMode: a phone's keys for numbers have no minus. */}
        <TextInput label={t('window.level')} value={level} onChange={(event) => setLevel(event.currentTarget.value)} autoComplete="off" error={tried ? levelFault : null} />
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

/** All keys of MPR and what the mouse does. */
export function MprKeysDialog({ opened, onClose }: DialogProps) {
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
  const { mpr } = useMpr();
  const { bindings } = useStore(mpr.store);
  const nameOf = (name: string): string => (name === 'crossing' || name === 'cursor' ? t(`mpr.tool.${name}`) : name === 'lines' ? t('mpr.action.lines') : t(isTool(name) ? `tool.${name}` : `action.${name}`));
  const keys: [string, string[]][] = [
    [t('mpr.keys.crossing'), ['←', '→', '↑', '↓']],
    [t('mpr.keys.turn'), ['Alt+←', 'Alt+→']],
    [t('mpr.keys.scroll'), ['PgUp', 'PgDn']],
    [t('mpr.keys.ends'), ['Home', 'End']],
    ...Object.entries(mprKeys).map(([name, key]): [string, string[]] => [nameOf(name), [keyLabel(key)]]),
    [t('keys.regions'), ['F6']],
    [t('keys.menu'), ['Shift+F10']],
    [t('mpr.keys.escape'), ['Esc']],
  ];
  const mouse: [string, string][] = [
    ...(['left', 'middle', 'right'] as const).map((button): [string, string] => [nameOf(bindings[button]), t(`keys.drag.${button}`)]),
    [t('mpr.keys.dragDoes'), t('mpr.keys.drag')],
    [t('mpr.keys.ringDoes'), t('mpr.keys.ring')],
    [t('mpr.keys.dottedDoes'), t('mpr.keys.dotted')],
    [t('mpr.keys.shiftDoes'), t('mpr.keys.shift')],
    [t('mpr.keys.pickDoes'), t('mpr.keys.pick')],
    [t('mpr.keys.wheelDoes'), t('keys.wheel')],
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

const HELD: ReadonlySet<string> = new Set(['window', 'zoom', 'scroll', 'rotate', 'pan', 'ruler', 'polyline', 'angle', 'cobb', 'ellipse', 'rectangle', 'polygon', 'point']);

function isTool(name: string): boolean {
  return HELD.has(name);
}

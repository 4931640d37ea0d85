import { Button, Group, Kbd, Modal, Stack, Table, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { formatWindowNumber, parseNumber, type Typed } from '../model/numbers';
import type { WidthLevel } from '../model/windowing';
import { useViewer } from './context';
import { keyName } from './keyName';
import classes from './sharedDialogs.module.css';

export interface DialogProps {
  opened: boolean;
  onClose: () => void;
}

interface ViewerDialogProps extends DialogProps {
  title: string;
  size: number;
  children: ReactNode;
}

/** A dialog of the viewer; what is in it is made anew each time it opens. */
export function ViewerDialog({ opened, onClose, title, size, children }: ViewerDialogProps) {
  const { t } = useTranslation('viewer');
  const { phone } = useViewer();
  return (
    <Modal opened={opened} onClose={onClose} title={title} size={size} fullScreen={phone} closeButtonProps={{ 'aria-label': t('common:close') }}>
      {opened && children}
    </Modal>
  );
}

/** Window width and level by numbers. */
export function WindowForm({ now, apply, onClose }: { now: WidthLevel | null; apply: (values: WidthLevel, at: number) => void; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
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
        apply({ width: typedWidth.value, center: typedLevel.value }, event.timeStamp);
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
        <FormButtons submit={t('window.apply')} onClose={onClose} />
      </Stack>
    </form>
  );
}

/** What ends a form of a dialog. */
export function FormButtons({ submit, disabled = false, onClose }: { submit: string; disabled?: boolean; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  return (
    <Group justify="flex-end" gap="sm">
      <Button variant="default" onClick={onClose}>
        {t('common:cancel')}
      </Button>
      <Button type="submit" disabled={disabled}>
        {submit}
      </Button>
    </Group>
  );
}

/** Keys by what they do, and gestures of the mouse. */
export function KeyTables({ keys, mouse }: { keys: readonly [string, readonly string[]][]; mouse: readonly [string, string][] }) {
  const { t } = useTranslation('viewer');
  const row = (name: string, how: ReactNode, key: string) => (
    <Table.Tr key={key}>
      <Table.Td>{name}</Table.Td>
      <Table.Td style={{ textAlign: 'right' }}>{how}</Table.Td>
    </Table.Tr>
  );
  const pressed = (key: string) => (
    <Kbd key={key} ml={6} size="sm">
      {keyName(t, key)}
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

import { Button, Checkbox, Modal, UnstyledButton } from '@mantine/core';
import { IconArrowBackUp, IconEye, IconEyeOff, IconGripVertical } from '@tabler/icons-react';
import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import { iconStroke } from '../../shared/icons';
import { useTranslation } from '../../shared/i18n';
import { defaultLayout, moveColumn, type TableLayout, toggleColumn } from '../model/columns';
import classes from './TableSettings.module.css';

interface TableSettingsProps {
  opened: boolean;
  layout: TableLayout;
  onChange: (layout: TableLayout) => void;
  onClose: () => void;
}

/** The dialog of manual 3.14.1: order, hide and show, wrap, by default, close. Changes show at once. */
export function TableSettings({ opened, layout, onChange, onClose }: TableSettingsProps) {
  const { t } = useTranslation('studies');
  const [dragged, setDragged] = useState<string | null>(null);
  const [spoken, setSpoken] = useState('');
  const list = useRef<HTMLUListElement>(null);
  const name = (id: string): string => t(`columns.${id}`);

  function move(id: string, to: number): void {
    if (to < 0 || to >= layout.order.length || layout.order[to] === id) return;
    onChange(moveColumn(layout, id, to));
    setSpoken(t('settings.moved', { column: name(id), position: to + 1, count: layout.order.length }));
  }

  function onKeyDown(event: KeyboardEvent, id: string): void {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(id, layout.order.indexOf(id) + step);
  }

  /** The row under the pointer takes the dragged one's place; works with mouse, pen and finger. */
  function onPointerMove(event: PointerEvent): void {
    if (dragged === null || list.current === null) return;
    const rows = [...list.current.children].map((row) => row.getBoundingClientRect());
    const to = rows.findIndex((box) => event.clientY < box.bottom);
    move(dragged, to < 0 ? rows.length - 1 : to);
  }

  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size={442}
      title={
        <span className={classes.head}>
          <span className={classes.title}>{t('settings.title')}</span>
          <span className={classes.hint}>{t('settings.hint')}</span>
        </span>
      }
      closeButtonProps={{ 'aria-label': t('common:close') }}
      classNames={{ body: classes.body, header: classes.header, content: classes.content }}
    >
      <div className={classes.scroll}>
        <ul ref={list} className={classes.list}>
          {layout.order.map((id) => {
            const hidden = layout.hidden.includes(id);
            return (
              <li key={id} className={classes.row} data-dragged={dragged === id || undefined} data-hidden={hidden || undefined}>
                <button
                  type="button"
                  className={classes.grip}
                  aria-label={t('settings.move', { column: name(id) })}
                  onKeyDown={(event) => onKeyDown(event, id)}
                  onPointerDown={(event) => {
                    event.currentTarget.setPointerCapture(event.pointerId);
                    setDragged(id);
                  }}
                  onPointerMove={onPointerMove}
                  onPointerUp={() => setDragged(null)}
                  onPointerCancel={() => setDragged(null)}
                >
                  <IconGripVertical size={16} stroke={iconStroke} aria-hidden />
                  <span>{name(id)}</span>
                </button>
                <UnstyledButton
                  className={classes.toggle}
                  data-show={hidden || undefined}
                  aria-label={`${t(hidden ? 'settings.show' : 'settings.hide')}: ${name(id)}`}
                  onClick={() => onChange(toggleColumn(layout, id))}
                >
                  {hidden ? <IconEye size={16} stroke={iconStroke} aria-hidden /> : <IconEyeOff size={16} stroke={iconStroke} aria-hidden />}
                  {t(hidden ? 'settings.show' : 'settings.hide')}
                </UnstyledButton>
              </li>
            );
          })}
        </ul>
        <Checkbox mt={20} label={t('settings.wrap')} description={t('settings.wrapHint')} checked={layout.wrap} onChange={(event) => onChange({ ...layout, wrap: event.currentTarget.checked })} />
      </div>
      <div className={classes.foot}>
        <Button variant="default" leftSection={<IconArrowBackUp size={16} stroke={iconStroke} />} onClick={() => onChange(defaultLayout)}>
          {t('settings.default')}
        </Button>
        <Button onClick={onClose}>{t('common:close')}</Button>
      </div>
      <div className="wv-hidden" role="status">
        {spoken}
      </div>
    </Modal>
  );
}

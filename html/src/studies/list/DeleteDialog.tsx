import { Button, Modal } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { api } from '../../shared/api/client';
import { wordsFor } from '../../shared/api/words';
import type { Study } from '../../shared/api/types';
import { formatDay } from '../../shared/format/format';
import { personName } from '../../shared/format/person';
import { useTranslation } from '../../shared/i18n';
import classes from './DeleteDialog.module.css';

interface DeleteDialogProps {
  studies: readonly Study[] | null;
  onDone: (ids: number[]) => void;
  onClose: () => void;
  /** The dialog is gone from the screen: the focus may go where it came from. */
  onLeft: (studies: readonly Study[]) => void;
}

/** The question before studies are deleted: it shows which, and the danger button names the act. */
export function DeleteDialog({ studies, onDone, onClose, onLeft }: DeleteDialogProps) {
  const { t } = useTranslation('studies');
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: (ids: number[]) => api.post<{ deleted: number }>('/v2/studies/delete', { study_ids: ids }),
    onSuccess: ({ deleted }, ids) => {
      notifications.show({ message: t('remove.done', { count: deleted }) });
      onDone(ids);
      onClose();
      void client.invalidateQueries({ queryKey: ['studies'] });
    },
  });
  // The words stay as they are while the dialog fades.
  const last = useRef<readonly Study[]>([]);
  if (studies !== null) last.current = studies;
  const shown = last.current;
  const count = shown.length;
  return (
    <Modal
      opened={studies !== null}
      onClose={onClose}
      returnFocus={false}
      onExitTransitionEnd={() => {
        remove.reset();
        onLeft(shown);
      }}
      size={480}
      title={t('remove.title', { count })}
      closeButtonProps={{ 'aria-label': t('common:close') }}
      classNames={{ title: classes.title }}
    >
      <p className={classes.text}>{t('remove.text', { count })}</p>
      {/* Long lists scroll: a keyboard has to reach them. */}
      <ul className={classes.list} tabIndex={count > 4 ? 0 : undefined} aria-label={t('title')}>
        {shown.map((study) => (
          <li key={study.study_id}>
            <strong>{personName(study.patient_name) || t('common:noName')}</strong>
            <span>
              {[study.patient_id, formatDay(study.study_date), study.modalities.join(', '), study.study_description].filter((part) => part !== '').join(' · ')}
            </span>
          </li>
        ))}
      </ul>
      {remove.error !== null && (
        <p role="alert" className={classes.problem}>
          {wordsFor(remove.error)}
        </p>
      )}
      <div className={classes.foot}>
        <Button variant="default" data-autofocus onClick={onClose}>
          {t('common:cancel')}
        </Button>
        <Button className={classes.danger} loading={remove.isPending} onClick={() => remove.mutate(shown.map((study) => study.study_id))}>
          {t('remove.act', { count })}
        </Button>
      </div>
    </Modal>
  );
}

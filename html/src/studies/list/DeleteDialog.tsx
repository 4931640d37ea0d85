import { Button, Modal } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { api } from '../../shared/api/client';
import { wordsFor } from '../../shared/api/words';
import type { Study } from '../../shared/api/types';
import { useTranslation } from '../../shared/i18n';

/** The question before studies are deleted; the danger button names the act. */
export function DeleteDialog({ studies, onDone, onClose }: { studies: readonly Study[] | null; onDone: (ids: number[]) => void; onClose: () => void }) {
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
  const count = studies?.length ?? 0;
  return (
    <Modal opened={studies !== null} onClose={onClose} size={440} title={t('remove.title', { count })} closeButtonProps={{ 'aria-label': t('common:close') }} styles={{ title: { fontSize: 16, fontWeight: 600 }, content: { background: 'var(--wv-panel)' }, header: { background: 'var(--wv-panel)' } }}>
      <p style={{ margin: 0 }}>{t('remove.text', { count })}</p>
      {remove.error !== null && (
        <p role="alert" style={{ margin: '12px 0 0', color: 'var(--wv-danger)' }}>
          {wordsFor(remove.error)}
        </p>
      )}
      <div style={{ display: 'flex', flexWrap: 'wrap', justifyContent: 'flex-end', gap: 8, marginTop: 24 }}>
        <Button variant="default" data-autofocus onClick={onClose}>
          {t('common:cancel')}
        </Button>
        <Button
          styles={{ root: { background: 'var(--wv-danger-fill)' } }}
          loading={remove.isPending}
          onClick={() => remove.mutate(studies?.map((study) => study.study_id) ?? [])}
        >
          {t('remove.act', { count })}
        </Button>
      </div>
    </Modal>
  );
}

import { Alert, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useTranslation } from '../../shared/i18n';
import type { MakingState, SeriesMaking } from '../control/seriesMaking';
import { useViewer } from './context';
import { studyQuery } from './useViewerData';

/** How far a new series is, and how it ended. */
export function SeriesProgress({ making, state, title, onClose }: { making: SeriesMaking; state: Exclude<MakingState, { kind: 'idle' }>; title: string; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { study, changeMode } = useViewer();
  const client = useQueryClient();
  const done = state.kind === 'done';
  useEffect(() => {
    // The strip shows it without waiting for the news.
    if (done && study !== null) void client.invalidateQueries({ queryKey: studyQuery(study.study_id).queryKey });
  }, [done, study, client]);
  if (state.kind === 'running') {
    return (
      <Stack gap="md">
        <Text size="sm" role="status">
          {t('making.running', { stored: state.stored, total: state.total })}
        </Text>
        <Progress value={(state.stored / state.total) * 100} aria-label={title} />
        <Text size="xs" c="dimmed">
          {t('making.goesOn')}
        </Text>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={() => making.cancel()}>
            {t('making.stop')}
          </Button>
          <Button onClick={onClose}>{t('making.work')}</Button>
        </Group>
      </Stack>
    );
  }
  if (state.kind === 'failed') {
    return (
      <Stack gap="md">
        <Alert color="red" title={t('making.failed')}>
          {state.message} {state.stored > 0 && t('making.stays', { count: state.stored })}
        </Alert>
        <Group justify="flex-end">
          <Button onClick={() => making.clear()}>{t('common:tryAgain')}</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Stack gap="md">
      <Text size="sm" role="status">
        {t('making.done', { count: state.total })}
      </Text>
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={() => making.clear()}>
          {t('making.another')}
        </Button>
        <Button
          onClick={() => {
            onClose();
            changeMode('image', state.seriesId);
          }}
        >
          {t('making.show')}
        </Button>
      </Group>
    </Stack>
  );
}

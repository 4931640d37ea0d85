import { Alert, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useLayoutEffect, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { type MakingState, SeriesMaking } from '../control/seriesMaking';
import { useSelected } from '../control/store';
import { useViewer } from './context';
import { type DialogProps, ViewerDialog } from './sharedDialogs';
import { studyQuery } from './useViewerData';

interface SeriesDialogProps extends DialogProps {
  title: string;
  size: number;
  /** The window that it is made in. */
  cell: ConstructorParameters<typeof SeriesMaking>[0];
  form: (making: SeriesMaking) => ReactNode;
}

/** Asks for a new series, and says how far it is; it goes on while the dialog is closed. */
export function SeriesDialog({ opened, onClose, title, size, cell, form }: SeriesDialogProps) {
  const [making, setMaking] = useState<SeriesMaking | null>(null);
  useLayoutEffect(() => {
    const made = new SeriesMaking(cell);
    setMaking(made);
    return () => made.cancel();
  }, [cell]);
  return (
    <ViewerDialog opened={opened} onClose={onClose} title={title} size={size}>
      {making !== null && <SeriesMade making={making} title={title} onClose={onClose} form={form} />}
    </ViewerDialog>
  );
}

function SeriesMade({ making, title, onClose, form }: Pick<SeriesDialogProps, 'title' | 'onClose' | 'form'> & { making: SeriesMaking }) {
  const state = useSelected(making.store, ({ making: now }) => now);
  return state.kind === 'idle' ? form(making) : <SeriesProgress making={making} state={state} title={title} onClose={onClose} />;
}

/** How far a new series is, and how it ended. */
function SeriesProgress({ making, state, title, onClose }: { making: SeriesMaking; state: Exclude<MakingState, { kind: 'idle' }>; title: string; onClose: () => void }) {
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

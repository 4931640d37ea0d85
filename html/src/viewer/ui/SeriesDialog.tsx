import { Alert, Button, Group, Progress, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useLayoutEffect, useState } from 'react';
import { useTranslation } from '../../shared/i18n';
import { makingsOf } from '../control/makings';
import { type MakingState, SeriesMaking } from '../control/seriesMaking';
import { useSelected } from '../control/store';
import { plannedName } from '../model/plannedSeries';
import { useViewer } from './context';
import { type DialogProps, ViewerDialog } from './sharedDialogs';
import classes from './sharedDialogs.module.css';
import { studyQuery } from './useViewerData';

interface SeriesDialogProps extends DialogProps {
  title: string;
  size: number;
  /** The window that it is made in. */
  cell: ConstructorParameters<typeof SeriesMaking>[0];
  form: (making: SeriesMaking) => ReactNode;
}

/** What is stored after a stop is told by the server a moment later. */
const AFTER_STOP_MS = 1500;

/** Asks for a new series, and says how far it is; it goes on while the dialog is closed, and the bar says how far it is. */
export function SeriesDialog({ opened, onClose, title, size, cell, form }: SeriesDialogProps) {
  const { t } = useTranslation('viewer');
  const { viewer } = useViewer();
  const [making, setMaking] = useState<SeriesMaking | null>(null);
  const [again, setAgain] = useState(false);
  useLayoutEffect(() => {
    const made = new SeriesMaking(cell);
    setMaking(made);
    return () => made.cancel();
  }, [cell]);
  const isOpen = opened || again;
  useEffect(() => {
    if (making !== null) making.nameOf = (name, count) => plannedName(name, count, (values) => t('making.named', values));
  }, [making, t]);
  useEffect(() => {
    const store = makingsOf(viewer);
    if (making === null || isOpen) return;
    const made = { making, title, open: () => setAgain(true) };
    // Of several dialogs, that one which makes something is told of.
    const tell = (): void => {
      if (making.state.kind !== 'idle') store.set({ made });
      else if (store.get().made?.making === making) store.set({ made: null });
    };
    tell();
    const leave = making.store.subscribe(tell);
    return () => {
      leave();
      if (store.get().made?.making === making) store.set({ made: null });
    };
  }, [viewer, making, title, isOpen]);
  const close = (): void => {
    setAgain(false);
    if (making !== null && making.state.kind !== 'running') making.clear();
    onClose();
  };
  return (
    <>
      {making !== null && <StripNews making={making} />}
      <ViewerDialog opened={isOpen} onClose={close} title={title} size={size}>
        {making !== null && <SeriesMade making={making} title={title} onClose={close} form={form} />}
      </ViewerDialog>
    </>
  );
}

/** The strip shows what was made without waiting for the news, whether the dialog is open or not. */
function StripNews({ making }: { making: SeriesMaking }) {
  const { study } = useViewer();
  const client = useQueryClient();
  const kind = useSelected(making.store, ({ making: now }) => now.kind);
  const id = study?.study_id ?? null;
  useEffect(() => {
    if (id === null || kind === 'idle' || kind === 'running') return;
    const look = (): void => void client.invalidateQueries({ queryKey: studyQuery(id).queryKey });
    look();
    const timer = window.setTimeout(look, AFTER_STOP_MS);
    return () => window.clearTimeout(timer);
  }, [kind, id, client]);
  return null;
}

function SeriesMade({ making, title, onClose, form }: Pick<SeriesDialogProps, 'title' | 'onClose' | 'form'> & { making: SeriesMaking }) {
  const state = useSelected(making.store, ({ making: now }) => now);
  return state.kind === 'idle' ? form(making) : <SeriesProgress making={making} state={state} title={title} onClose={onClose} />;
}

/** How far a new series is, and how it ended. */
function SeriesProgress({ making, state, title, onClose }: { making: SeriesMaking; state: Exclude<MakingState, { kind: 'idle' }>; title: string; onClose: () => void }) {
  const { t } = useTranslation('viewer');
  const { changeMode } = useViewer();
  const [asking, setAsking] = useState(false);
  if (state.kind === 'running') {
    return (
      <Stack gap="md">
        <Text size="sm" role="status">
          {t('making.running', { stored: state.stored, total: state.total })}
        </Text>
        <Progress value={(state.stored / state.total) * 100} aria-label={title} />
        {asking ? (
          <Alert variant="outline" color="yellow" icon={<IconAlertTriangle size={18} stroke={1.7} aria-hidden />} title={t('making.stopTitle')} className={classes.caution}>
            {t('making.stopText', { count: state.stored, total: state.total })}
          </Alert>
        ) : (
          <Text size="xs" c="dimmed">
            {t('making.goesOn')}
          </Text>
        )}
        <Group justify="flex-end" gap="sm">
          {asking ? (
            <>
              <Button variant="default" onClick={() => making.stop()}>
                {t('making.stopKeep', { count: state.stored })}
              </Button>
              <Button data-autofocus onClick={() => setAsking(false)}>
                {t('making.goOn')}
              </Button>
            </>
          ) : (
            <>
              <Button variant="default" onClick={() => (state.stored === 0 ? making.stop() : setAsking(true))}>
                {t('making.stop')}
              </Button>
              <Button onClick={onClose}>{t('making.work')}</Button>
            </>
          )}
        </Group>
      </Stack>
    );
  }
  if (state.kind === 'stopped') {
    return (
      <Stack gap="md">
        <Text size="sm" role="status">
          {t('making.stopped', { count: state.stored, total: state.total })}
        </Text>
        <Text size="xs" c="dimmed">
          {t('making.noDelete')}
        </Text>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={() => making.clear()}>
            {t('making.another')}
          </Button>
          <Button onClick={onClose}>{t('common:close')}</Button>
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

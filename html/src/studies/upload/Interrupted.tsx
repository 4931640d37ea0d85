import { Button } from '@mantine/core';
import { IconPlayerPause } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api } from '../../shared/api/client';
import type { UnfinishedUpload } from '../../shared/api/types';
import { wordsFor } from '../../shared/api/words';
import { formatBytes, formatDuration } from '../../shared/format/format';
import { currentLanguage, useTranslation } from '../../shared/i18n';
import { iconStroke } from '../../shared/icons';
import { useSession } from '../../shared/session/store';
import { interruptedOf, isSameFile } from './interrupted';
import { uploader } from './uploader';
import classes from './UploadPanel.module.css';
import { useUploads } from './useUploads';

const askEveryMs = 10_000;
const keyOf = (userId: number | undefined): unknown[] => ['uploads', 'unfinished', userId];

/** Uploads that a closed page or a lost computer has left: they go on with the same file, or are discarded. */
export function Interrupted() {
  const { t } = useTranslation('studies');
  const { user } = useSession();
  useUploads(); // what this page sends is not interrupted, and it changes
  const { data } = useQuery({
    queryKey: keyOf(user?.user_id),
    queryFn: ({ signal }) => api.get<{ uploads: UnfinishedUpload[] }>('/v2/studies/uploads', { signal }),
    refetchInterval: askEveryMs,
    refetchOnMount: 'always',
    retry: false,
  });
  const interrupted = interruptedOf(data?.uploads ?? [], uploader.uploadIds);
  if (interrupted.length === 0) return null;
  return (
    <>
      <div className={classes.listHead}>
        <h3>{t('transfers.interrupted')}</h3>
      </div>
      <ul className={classes.list} aria-label={t('transfers.interrupted')}>
        {interrupted.map((upload) => (
          <InterruptedRow key={upload.upload_id} upload={upload} />
        ))}
      </ul>
    </>
  );
}

function InterruptedRow({ upload }: { upload: UnfinishedUpload }) {
  const { t } = useTranslation('studies');
  const language = currentLanguage();
  const queries = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const name = upload.name.split(/[/\\]/).at(-1) ?? upload.name;
  const size = formatBytes(upload.size_bytes, language);

  const resume = (file: File | undefined): void => {
    if (file === undefined) return;
    if (!isSameFile(file, upload)) {
      setProblem(t('transfers.otherFile', { name, size }));
      return;
    }
    setProblem('');
    uploader.resume(upload.upload_id, { file, path: upload.name });
  };

  const discard = async (): Promise<void> => {
    setIsBusy(true);
    try {
      await api.delete(`/v2/studies/uploads/${encodeURIComponent(upload.upload_id)}`);
      await queries.invalidateQueries({ queryKey: ['uploads', 'unfinished'] });
    } catch (error) {
      setProblem(wordsFor(error));
    } finally {
      setIsBusy(false);
    }
  };

  return (
    <li className={classes.interrupted}>
      <span className={classes.icon} aria-hidden>
        <IconPlayerPause size={18} stroke={iconStroke} />
      </span>
      <span className={classes.name} title={name}>
        {name}
      </span>
      <span className={classes.facts}>
        {t('transfers.interruptedFacts', { sent: formatBytes(upload.offset, language), size, time: formatDuration(upload.expires_in_s, language) })}
      </span>
      <span className={classes.choices}>
        <Button variant="default" size="xs" aria-label={t('transfers.resumeName', { name })} onClick={() => input.current?.click()}>
          {t('transfers.resume')}
        </Button>
        <Button variant="subtle" color="gray" size="xs" loading={isBusy} aria-label={t('transfers.discardName', { name })} onClick={() => void discard()}>
          {t('transfers.discard')}
        </Button>
      </span>
      {problem !== '' && (
        <span className={classes.problem} role="alert">
          {problem}
        </span>
      )}
      <input
        ref={input}
        type="file"
        hidden
        data-upload="resume"
        onChange={(event) => {
          resume(event.currentTarget.files?.[0]);
          event.currentTarget.value = '';
        }}
      />
    </li>
  );
}

import { Alert, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useState } from 'react';
import { api } from '../shared/api/client';
import { wordsFor } from '../shared/api/words';
import { formatBytes, formatDuration, formatInstant, formatNumber } from '../shared/format/format';
import { currentLanguage, useTranslation } from '../shared/i18n';
import classes from './admin.module.css';
import { PatientConflicts } from './PatientConflicts';
import { databaseName, deviceOf, earliestFact, hostOf, type NodeState, numberFact, type ServerState, sumFact, textFact } from './state';

const refreshMs = 5000;

/** What the server is doing now; read every 5 s, changed in place. */
export function ServerStatePage() {
  const { t } = useTranslation('admin');
  const { data, error, dataUpdatedAt } = useQuery({
    queryKey: ['admin', 'state'],
    queryFn: ({ signal }) => api.get<ServerState>('/v2/admin/state', { signal }),
    refetchInterval: refreshMs,
    retry: false,
  });
  return (
    <main className={classes.page}>
      <div className={classes.titleRow}>
        <h1>{t('state')}</h1>
        {data !== undefined && <Freshness at={dataUpdatedAt} failing={error !== null} />}
      </div>
      {error !== null && (
        <Alert color="yellow" title={t('failed')} mb={12}>
          {wordsFor(error)}
        </Alert>
      )}
      {data === undefined && error === null && <Skeleton height={88} radius="lg" />}
      <PatientConflicts />
      {data !== undefined && <Facts state={data} />}
    </main>
  );
}

function Freshness({ at, failing }: { at: number; failing: boolean }) {
  const { t } = useTranslation('admin');
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  return (
    <span className={classes.fresh}>
      <i className={classes.dot} data-state={failing ? 'bad' : 'good'} aria-hidden />
      {t(failing ? 'stale' : 'updatedAgo', { seconds })}
    </span>
  );
}

function Facts({ state }: { state: ServerState }) {
  const { t } = useTranslation('admin');
  const language = currentLanguage();
  const number = (value: number | null): string => (value === null ? t('common:empty') : formatNumber(value, language));
  const storage = state.nodes.filter((node) => node.kind === 'storage');
  const first = storage[0];
  const free = state.free_bytes;
  const stored = sumFact(storage, 'size_bytes');
  const port = numberFact(first, 'dicom_port');
  const open = sumFact(storage, 'open_associations');
  const most = sumFact(storage, 'max_associations');
  const { version, problem } = state.database;
  const damaged = sumFact(storage, 'damaged_files');
  const verifiedAt = earliestFact(storage, 'files_verified_at');
  const kind = databaseName(state.database.kind);
  return (
    <>
      <div className={classes.cards}>
        <Card title={t('cards.studies')} value={number(sumFact(storage, 'studies'))} hint={stored === null ? '' : t('cards.size', { size: formatBytes(stored, language) })} />
        <Card title={t('cards.images')} value={number(sumFact(storage, 'instances'))} hint={t('cards.stored', { number: number(sumFact(storage, 'stored_since_start')) })} />
        <Card title={t('cards.free')} value={free === null ? t('common:empty') : formatBytes(free, language)} hint={t('cards.freeHint')} />
        <Card title={t('cards.sessions')} value={number(state.session_count)} hint={t('cards.users', { count: state.user_count, number: number(state.user_count) })} />
      </div>
      <section className={classes.card}>
        <h2>{t('nodes.title')}</h2>
        <div className={classes.scroll}>
          <table className={classes.table} aria-label={t('nodes.title')}>
            <thead>
              <tr>
                {(['kind', 'address', 'state', 'version', 'uptime', 'details'] as const).map((column) => (
                  <th key={column} scope="col">
                    {t(`nodes.${column}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              <tr>
                <th scope="row">{t('nodes.control')}</th>
                <td data-title={t('nodes.address')}>{globalThis.location.host}</td>
                <td data-title={t('nodes.state')}>
                  <State state="good" label={t('nodes.online')} />
                </td>
                <td data-title={t('nodes.version')}>{state.version}</td>
                <td data-title={t('nodes.uptime')}>{formatDuration(state.uptime_s, language)}</td>
                <td className={classes.details} data-title={t('nodes.details')}>{t('common:empty')}</td>
              </tr>
              {state.nodes
                .filter((node) => node.kind !== 'control')
                .map((node) => (
                  <NodeRow key={`${node.kind}-${node.node_id}`} node={node} />
                ))}
            </tbody>
          </table>
        </div>
      </section>
      <section className={classes.card}>
        <h2>{t('facts.title')}</h2>
        <dl className={classes.facts}>
          <Fact name={t('facts.version')}>{state.version}</Fact>
          <Fact name={t('facts.uptime')}>{formatDuration(state.uptime_s, language)}</Fact>
          <Fact name={t('facts.database')}>{version === '' || problem !== '' ? t('facts.databaseAway', { kind }) : t('facts.databaseValue', { kind, version })}</Fact>
          <Fact name={t('facts.files')}>
            {damaged === null ? t('common:empty') : damaged === 0 ? t('facts.filesWhole') : t('facts.filesDamaged', { count: damaged, number: number(damaged) })}
            <small>{verifiedAt === '' ? t('facts.filesNotVerified') : t('facts.filesVerified', { at: formatInstant(verifiedAt) })}</small>
          </Fact>
          <Fact name={t('facts.dicom')}>
            {port === null ? t('common:empty') : t('facts.dicomValue', { host: globalThis.location.hostname, port: String(port) })}
            <small>{t('facts.dicomHint')}</small>
          </Fact>
          <Fact name={t('facts.associations')}>{open === null ? t('common:empty') : t('facts.associationsValue', { open: number(open), most: number(most) })}</Fact>
          <Fact name={t('facts.sockets')}>{number(state.websocket_count)}</Fact>
        </dl>
      </section>
    </>
  );
}

function NodeRow({ node }: { node: NodeState }) {
  const { t, i18n } = useTranslation('admin');
  const language = currentLanguage();
  const uptime = numberFact(node, 'uptime_s');
  const kind = i18n.exists(`admin:nodes.${node.kind}`) ? t(`nodes.${node.kind}`) : node.kind;
  const device = deviceOf(node);
  let state = <State state="good" label={t('nodes.online')} />;
  if (!node.active) state = <State state="off" label={t('nodes.inactive')} />;
  if (!node.ok) state = <State state="bad" label={t('nodes.offline')} />;
  const details = node.ok ? device : node.reason;
  return (
    <tr>
      <th scope="row">{kind}</th>
      <td data-title={t('nodes.address')}>{hostOf(node.address)}</td>
      <td data-title={t('nodes.state')}>{state}</td>
      <td data-title={t('nodes.version')}>{textFact(node, 'version') || t('common:empty')}</td>
      <td data-title={t('nodes.uptime')}>{uptime === null ? t('common:empty') : formatDuration(uptime, language)}</td>
      <td className={classes.details} data-title={t('nodes.details')}>{details || t('common:empty')}</td>
    </tr>
  );
}

function State({ state, label }: { state: 'good' | 'bad' | 'off'; label: string }) {
  return (
    <span className={classes.state}>
      <i className={classes.dot} data-state={state} aria-hidden />
      {label}
    </span>
  );
}

function Card({ title, value, hint }: { title: string; value: string; hint: string }) {
  return (
    <div className={classes.figure}>
      <span>{title}</span>
      <strong>{value}</strong>
      <small>{hint}</small>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

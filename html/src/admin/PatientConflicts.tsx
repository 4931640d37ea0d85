import { Alert } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api } from '../shared/api/client';
import { wordsFor } from '../shared/api/words';
import { formatNumber } from '../shared/format/format';
import { currentLanguage, useTranslation } from '../shared/i18n';
import classes from './admin.module.css';
import { byUid, type PatientConflicts as Answer } from './state';

const refreshMs = 30_000;
const columns = ['user', 'study', 'uid', 'objects', 'received'] as const;

/** Study Instance UIDs that several patients share. It stands on the page only where there are some. */
export function PatientConflicts() {
  const { t } = useTranslation('admin');
  const language = currentLanguage();
  const { data, error } = useQuery({
    queryKey: ['admin', 'patient_conflicts'],
    queryFn: ({ signal }) => api.get<Answer>('/v2/admin/patient_conflicts', { signal }),
    refetchInterval: refreshMs,
    retry: false,
  });
  if (data === undefined) {
    return error === null ? null : (
      <Alert color="yellow" title={t('patients.failed')} mb={12}>
        {wordsFor(error)}
      </Alert>
    );
  }
  if (data.studies.length === 0 && data.silent_nodes.length === 0) return null;
  return (
    <section className={classes.card} data-conflicts>
      <h2>{t('patients.title')}</h2>
      <p className={classes.explanation}>{t('patients.text')}</p>
      {data.silent_nodes.length > 0 && <p className={classes.explanation}>{t('patients.silent', { nodes: data.silent_nodes.join(', ') })}</p>}
      {data.studies.length > 0 && (
        <div className={classes.scroll}>
          <table className={classes.table} aria-label={t('patients.title')}>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col">
                    {t(`patients.${column}`)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {byUid(data.studies).map((study) => (
                <tr key={`${study.node_id}/${study.study_id}`}>
                  <th scope="row">{study.user_name || String(study.user_id)}</th>
                  <td data-title={t('patients.study')}>{study.study_id}</td>
                  <td className={classes.details} data-title={t('patients.uid')}>
                    {study.study_instance_uid}
                  </td>
                  <td data-title={t('patients.objects')}>{formatNumber(study.instance_count, language)}</td>
                  <td data-title={t('patients.received')}>{new Date(study.received_at).toLocaleString(language)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data.total > data.studies.length && <p className={classes.explanation}>{t('patients.more', { count: data.total - data.studies.length })}</p>}
    </section>
  );
}

import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { session } from '../../shared/session/store';
import { StudiesPage } from '../StudiesPage';

const study = {
  study_id: 1,
  study_instance_uid: '1.9',
  patient_name: 'Almeida^Beatriz',
  patient_id: '0048213',
  patient_sex: 'F',
  patient_birth_date: null,
  modalities: ['CT'],
  body_parts: [],
  study_date: null,
  study_time: null,
  accession_number: '',
  study_description: '',
  referring_physician_name: '',
  institution_name: '',
  series_count: 1,
  instance_count: 1,
  image_count: 1,
  size_bytes: 1,
  received_at: '2026-11-23T16:42:00Z',
  first_series_id: null,
  other_patient_studies: [2],
};
const other = { ...study, study_id: 2, patient_name: 'Santos^Pedro', other_patient_studies: [1] };
const third = { ...study, study_id: 3, study_instance_uid: '1.10', patient_name: 'Lima^Rui', other_patient_studies: [] };

describe('two patients under one Study Instance UID in the list', () => {
  let studies: unknown[];

  beforeEach(() => {
    vi.useFakeTimers();
    HTMLCanvasElement.prototype.getContext = () => null; // jsdom has none
    HTMLElement.prototype.scrollIntoView = () => undefined; // nor this
    studies = [study, other, third];
    vi.stubGlobal(
      'fetch',
      vi.fn(async (url: string) => new Response(JSON.stringify(url.includes('/v2/studies') ? { studies, total: studies.length } : { value: null, settings: {} }))),
    );
    session.begin({ user: { user_id: 3, user_name: 'dr_silva', is_administrator: false }, csrf_token: 't', expires_at: '' } as never);
  });
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const show = async (phone: boolean): Promise<void> => {
    const nothing = (): void => undefined;
    render(
      <MantineProvider env="test">
        <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false, networkMode: 'always' } } })}>
          <StudiesPage phone={phone} onOpen={nothing} onDeleted={nothing} onUpload={nothing} />
        </QueryClientProvider>
      </MantineProvider>,
    );
    await act(async () => void (await vi.advanceTimersByTimeAsync(200)));
  };

  it('are marked in both rows, with the reason in words', async () => {
    await show(false);
    const names = ['Almeida, Beatriz', 'Santos, Pedro', 'Lima, Rui'];
    const rows = names.map((name) => screen.getByText(name).closest('tr'));
    expect(rows.map((row) => row?.hasAttribute('data-shared'))).toEqual([true, true, false]);
    for (const row of rows.slice(0, 2)) expect(within(row as HTMLElement).getByText('Another patient has the same Study Instance UID.')).toBeInTheDocument();
    expect(screen.getByRole('note')).toHaveTextContent('Rows in amber share their Study Instance UID with the row of another patient.');
  });

  it('are marked on the cards of a phone', async () => {
    await show(true);
    expect(screen.getByText('Lima, Rui')).toBeInTheDocument();
    expect(screen.getAllByText('Another patient has the same Study Instance UID.')).toHaveLength(2);
  });

  it('need no notice where no row shares its UID', async () => {
    studies = [third];
    await show(false);
    expect(screen.getByText('Lima, Rui')).toBeInTheDocument();
    expect(screen.queryByRole('note')).toBeNull();
  });
});

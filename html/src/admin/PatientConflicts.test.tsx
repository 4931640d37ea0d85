import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { registerNamespace } from '../shared/i18n';
import en from './i18n/en.json';
import pt from './i18n/pt.json';
import { PatientConflicts } from './PatientConflicts';
import type { PatientConflicts as Answer } from './state';

registerNamespace('admin', { en, pt });

const row = (study_id: number, uid: string) => ({ node_id: 1, user_id: 4, user_name: 'dr_silva', study_id, study_instance_uid: uid, instance_count: 3, received_at: '2026-11-23T16:42:00Z' });

describe('the list of studies with two patients', () => {
  let answer: Answer;

  beforeEach(() => {
    vi.useFakeTimers();
    answer = { studies: [row(9, '1.2'), row(8, '1.1'), row(3, '1.2'), row(2, '1.1')], total: 6, silent_nodes: [7] };
    vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify(answer))));
  });
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const show = async (): Promise<HTMLElement> => {
    const { container } = render(
      <MantineProvider env="test">
        <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false, networkMode: 'always' } } })}>
          <PatientConflicts />
        </QueryClientProvider>
      </MantineProvider>,
    );
    await act(async () => void (await vi.advanceTimersByTimeAsync(200)));
    return container;
  };

  it('has the rows of one UID beside one another, and says what it lacks', async () => {
    await show();
    const table = screen.getByRole('table', { name: 'Two patients under one Study Instance UID' });
    const rows = within(table).getAllByRole('row').slice(1);
    expect(rows.map((one) => within(one).getAllByRole('cell').slice(0, 2).map((cell) => cell.textContent))).toEqual([['9', '1.2'], ['3', '1.2'], ['8', '1.1'], ['2', '1.1']]);
    expect(screen.getByText('2 more studies are not listed here.')).toBeInTheDocument();
    expect(screen.getByText('Not asked, since it does not answer: storage node 7.')).toBeInTheDocument();
  });

  it('is not there where no study has two patients', async () => {
    answer = { studies: [], total: 0, silent_nodes: [] };
    const container = await show();
    expect(container.querySelector('section')).toBeNull();
  });
});

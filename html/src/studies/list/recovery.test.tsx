import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { session } from '../../shared/session/store';
import { StudiesPage } from '../StudiesPage';

const study = {
  study_id: 1,
  study_instance_uid: '1',
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
};
const ok = (body: unknown): Response => new Response(JSON.stringify(body));
const away = (): Response => new Response(JSON.stringify({ error: { code: 'storage_unavailable', message: '' } }), { status: 503 });

describe('a list whose storage is away', () => {
  let up: boolean;
  let hang: boolean;

  beforeEach(() => {
    vi.useFakeTimers();
    HTMLCanvasElement.prototype.getContext = () => null; // jsdom has none
    up = true;
    hang = false;
    vi.stubGlobal(
      'fetch',
      vi.fn(async (url: string) => {
        if (!url.includes('/v2/studies')) return ok({ value: null, settings: {} });
        if (hang) return new Promise<Response>(() => undefined);
        return up ? ok({ studies: [study], total: 1, offset: 0, limit: 20 }) : away();
      }),
    );
    session.begin({ user: { user_id: 3, user_name: 'dr_silva', is_administrator: false }, csrf_token: 't', expires_at: '' } as never);
  });
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const pass = (ms: number): Promise<void> => act(async () => void (await vi.advanceTimersByTimeAsync(ms)));
  const show = async (): Promise<void> => {
    const nothing = (): void => undefined;
    render(
      <MantineProvider env="test">
        <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false, networkMode: 'always' } } })}>
          <StudiesPage phone={false} onOpen={nothing} onDeleted={nothing} onUpload={nothing} />
        </QueryClientProvider>
      </MantineProvider>,
    );
    await pass(200);
  };
  const words = /The server that keeps your studies does not answer now/;

  it('comes back by itself, without a flicker meanwhile', async () => {
    up = false;
    await show();
    expect(screen.getByText(words)).toBeInTheDocument();
    hang = true;
    await pass(10_000);
    expect(screen.getByText(words)).toBeInTheDocument();
    cleanup();
    hang = false;
    await show();
    up = true;
    await pass(4100);
    expect(screen.getByText('Almeida, Beatriz')).toBeInTheDocument();
    expect(screen.queryByText(words)).toBeNull();
  });

  it.each(['Search', 'Today'])('says above the old rows that a search failed (%s), and forgets it when one works', async (name) => {
    await show();
    expect(screen.getByText('Almeida, Beatriz')).toBeInTheDocument();
    expect(screen.queryByRole('alert')).toBeNull();
    up = false;
    fireEvent.click(screen.getByRole('button', { name }));
    await pass(200);
    expect(screen.getByRole('alert')).toHaveTextContent(words);
    expect(screen.getByText('Almeida, Beatriz')).toBeInTheDocument();
    await pass(4500);
    expect(screen.getByRole('alert')).toHaveTextContent(words);
    up = true;
    await pass(4500);
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('shows a bar while an answer is on its way', async () => {
    await show();
    await pass(1000);
    expect(screen.queryByRole('progressbar')).toBeNull();
    hang = true;
    fireEvent.click(screen.getByRole('button', { name: 'Search' }));
    await pass(400);
    expect(screen.getByRole('progressbar')).toBeInTheDocument();
  });
});

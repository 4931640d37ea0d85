import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { session } from '../shared/session/store';
import { RootSchemeProvider } from '../shared/theme/RootScheme';
import { SignInPage } from './SignInPage';

function show(signIn: { status: number; body: unknown; headers?: Record<string, string> }): void {
  vi.stubGlobal(
    'fetch',
    vi.fn(async (url: string) => {
      if (url.includes('/v2/about')) return new Response('{"version":"1.2.3","product":"Web DICOM Viewer"}');
      return new Response(JSON.stringify(signIn.body), { status: signIn.status, headers: signIn.headers ?? {} });
    }),
  );
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <RootSchemeProvider>
          <SignInPage />
        </RootSchemeProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

async function signIn(): Promise<void> {
  await userEvent.type(screen.getByLabelText('User name'), 'dr_silva');
  await userEvent.type(screen.getByLabelText('Password'), 'secret{Enter}');
}

describe('the sign-in page', () => {
  beforeEach(() => session.signOut());
  afterEach(() => {
    cleanup();
    vi.unstubAllGlobals();
  });

  it('signs in with the labels of the manual and Enter', async () => {
    show({ status: 200, body: { user: { user_id: 3, user_name: 'dr_silva', is_administrator: false }, csrf_token: 't', expires_at: '' } });
    await signIn();
    expect(session.get()).toMatchObject({ status: 'signed-in', csrfToken: 't' });
    expect(await screen.findByText('Version 1.2.3')).toBeInTheDocument();
  });

  it('says one text for a wrong name and a wrong password, and puts the focus back', async () => {
    show({ status: 401, body: { error: { code: 'wrong_credentials', message: '' } } });
    await signIn();
    expect(await screen.findByText('User name or password is wrong. Check Caps Lock and try again.')).toBeInTheDocument();
    expect(screen.getByLabelText('Password')).toHaveFocus();
    expect(session.get().status).toBe('signed-out');
  });

  it('says how long to wait, and does not send until then', async () => {
    show({ status: 429, body: { error: { code: 'too_many_attempts', message: '' } }, headers: { 'Retry-After': '30' } });
    await signIn();
    expect(await screen.findByText(/Too many tries\. Wait (30|29) seconds and try again\./)).toBeInTheDocument();
    expect(screen.getByRole('button', { name: /Try again in/ })).toBeDisabled();
  });

  it('sends nothing while a field is empty', async () => {
    show({ status: 200, body: {} });
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    expect(screen.getByText('Type your user name and your password.')).toBeInTheDocument();
    expect(vi.mocked(fetch).mock.calls.filter(([url]) => String(url).includes('sign-in'))).toEqual([]);
  });

  it('shows what is typed with the eye', async () => {
    show({ status: 200, body: {} });
    await userEvent.click(screen.getByRole('button', { name: 'Show what is typed' }));
    expect(screen.getByLabelText('Password')).toHaveAttribute('type', 'text');
  });
});

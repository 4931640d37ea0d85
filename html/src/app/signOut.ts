import { api } from '../shared/api/client';
import { session } from '../shared/session/store';
import { uploader } from '../studies';

/** Ends the session here and on the server; the page is back at the sign-in even if the server does not answer. */
export async function signOut(): Promise<void> {
  uploader.setUser(0);
  await api.post('/v2/auth/sign-out', undefined, { quiet401: true }).catch(() => undefined);
  session.signOut();
}

import { lazy, Suspense } from 'react';
import { useSession } from '../shared/session/store';
import { SignInPage } from '../signin';
import { ServerAway, SessionEnded } from './states';
import './texts';
import { useStartSession } from './useStartSession';

const Shell = lazy(() => import('./Shell'));

/** The doctor's pages: sign-in, then the shell with the list and the open studies. */
export function UserApp() {
  const { status, user } = useSession();
  const { failed, tryAgain } = useStartSession();
  if (status === 'unknown') return failed ? <ServerAway onTryAgain={tryAgain} /> : null;
  if (status === 'signed-out') return <SignInPage />;
  if (status === 'ended') return <SessionEnded />;
  return (
    <Suspense fallback={null}>
      <Shell key={user?.user_id} />
    </Suspense>
  );
}

import { lazy, Suspense } from 'react';
import { useSession } from '../shared/session/store';
import { SignInPage } from '../signin';
import { ServerAway, SessionEnded } from './states';
import './texts';
import { useStartSession } from './useStartSession';

const AdminConsole = lazy(() => import('../admin').then((module) => ({ default: module.AdminConsole })));

/** The administrator's pages: the same sign-in, then the console. */
export function AdminApp() {
  const { status } = useSession();
  const { failed, tryAgain } = useStartSession();
  if (status === 'unknown') return failed ? <ServerAway onTryAgain={tryAgain} /> : null;
  if (status === 'signed-out') return <SignInPage />;
  if (status === 'ended') return <SessionEnded />;
  return (
    <Suspense fallback={null}>
      <AdminConsole />
    </Suspense>
  );
}

import { parseRoute } from './route';
import { start } from './start';
import { UserApp } from './UserApp';

// An address of a study: the viewer's parts come while the session is asked for, not after it.
if (parseRoute(location.href).page === 'viewer') void Promise.all([import('./Shell'), import('../viewer')]);

void start(<UserApp />);

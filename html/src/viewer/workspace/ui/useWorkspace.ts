import { notifications } from '@mantine/notifications';
import { useEffect, useRef, useState } from 'react';
import type { StudyWithSeries } from '../../../shared/api/types';
import { useTranslation } from '../../../shared/i18n';
import { useSession } from '../../../shared/session/store';
import { useStore } from '../../control/store';
import type { ViewerController } from '../../control/viewer';
import { measuringOf } from '../../measure/control/measureOf';
import { browserAreas, WorkStorage } from '../control/browserStorage';
import { Workspace } from '../control/workspace';

/** The doctor's work on a study as this browser keeps it; one for each viewer. */
export function useNewWorkspace(viewer: ViewerController, studyId: number): Workspace {
  const { user } = useSession();
  const userId = user?.user_id ?? 0;
  const [workspace] = useState(() => new Workspace(viewer, measuringOf(viewer).measures, new WorkStorage(browserAreas(), userId), userId, studyId));
  return workspace;
}

/** Brings measurements back once the study is known, and says once where they cannot be kept, until they can. */
export function useWorkspace(workspace: Workspace, study: StudyWithSeries | null): void {
  const { t } = useTranslation('viewer');
  const { fault } = useStore(workspace.store);
  useEffect(() => {
    if (study !== null) workspace.studyCame(study);
  }, [workspace, study]);
  const isTold = useRef(false);
  useEffect(() => {
    if (fault === null && isTold.current) notifications.hide('workspace');
    isTold.current = fault !== null;
    if (fault !== null) notifications.show({ id: 'workspace', message: t(`workspace.${fault}`), color: 'yellow', autoClose: false });
  }, [fault, t]);
}

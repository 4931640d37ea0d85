import { createContext, useContext } from 'react';
import type { StudyWithSeries } from '../../shared/api/types';
import type { ViewerController } from '../control/viewer';

/** What every part of the viewing tab needs. */
export interface ViewerEnvironment {
  viewer: ViewerController;
  study: StudyWithSeries | null;
  phone: boolean;
  locale: string;
  openWindowDialog: () => void;
  openKeys: () => void;
  exportPicture: () => void;
  toggleFullScreen: () => void;
}

export const ViewerContext = createContext<ViewerEnvironment | null>(null);

export function useViewer(): ViewerEnvironment {
  const environment = useContext(ViewerContext);
  if (environment === null) throw new Error('A part of the viewer is drawn outside of it.');
  return environment;
}

import type { StudyWithSeries } from '../../shared/api/types';
import type { ViewerController } from './viewer';

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

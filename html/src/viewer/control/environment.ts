import type { StudyWithSeries } from '../../shared/api/types';
import type { ViewerController } from './viewer';

/** What every part of the viewing tab needs. */
export interface ViewerEnvironment {
  viewer: ViewerController;
  study: StudyWithSeries | null;
  phone: boolean;
  /** A phone held across: the bars stand at the sides. */
  lying: boolean;
  locale: string;
  openWindowDialog: () => void;
  openKeys: () => void;
  exportPicture: () => void;
  toggleFullScreen: () => void;
}

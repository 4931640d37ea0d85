import type { StudyWithSeries } from '../../shared/api/types';
import type { ViewerController, ViewerMode } from './viewer';

/** What every part of the viewing tab needs. */
export interface ViewerEnvironment {
  viewer: ViewerController;
  study: StudyWithSeries | null;
  /** Whether bars and menus are there. Until the first picture has come, only the window is. */
  bars: boolean;
  /** Which page of the study is shown. */
  mode: ViewerMode;
  /** Shows another page of the study, of this series. */
  changeMode: (mode: ViewerMode, seriesId: number | null) => void;
  /** Closes the tab of this study. */
  closeTab: () => void;
  /** Shows the list of studies; the tab stays. */
  back: () => void;
  phone: boolean;
  /** A phone held across: the bars stand at the sides. */
  lying: boolean;
  locale: string;
  openWindowDialog: () => void;
  openKeys: () => void;
  exportPicture: () => void;
  toggleFullScreen: () => void;
}

/** What a page of volumes gets; the rest stands in the viewer's context. */
export interface VolumePageProps {
  /** The series whose volumes are shown. */
  seriesId: number;
  /** Whether the tab is the one on the screen. */
  active: boolean;
  onBack: () => void;
}

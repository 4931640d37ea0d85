import {
  IconAngle,
  IconArrowsMaximize,
  IconCircleMinus,
  IconCirclePlus,
  IconCut,
  IconFocus2,
  IconHandGrab,
  IconLassoPolygon,
  IconMapPin,
  IconPolygon,
  IconPointer,
  IconRotate360,
  IconRuler2,
  IconScissors,
  IconTimeline,
  IconZoomIn,
} from '@tabler/icons-react';
import { IconWindow } from '../../ui/icons';
import type { Icon } from '../../ui/ToolButton';
import type { Tool } from '../control/sceneState';

export const toolIcons: Readonly<Record<Tool, Icon>> = {
  rotate: IconRotate360,
  pan: IconHandGrab,
  zoom: IconZoomIn,
  window: IconWindow,
  center: IconFocus2,
  select: IconPointer,
  cutInside: IconLassoPolygon,
  cutOutside: IconPolygon,
  cutObject: IconScissors,
  keepObject: IconCut,
  removeSphere: IconCircleMinus,
  restoreSphere: IconCirclePlus,
  line: IconRuler2,
  polyline: IconTimeline,
  angle: IconAngle,
  marker: IconMapPin,
};

export const RestoreIcon = IconArrowsMaximize;

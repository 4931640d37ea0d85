import {
  IconAngle,
  IconArrowAutofitWidth,
  IconArrowsMaximize,
  IconFlipHorizontal,
  IconFlipVertical,
  IconHandGrab,
  IconMaximize,
  IconOvalVertical,
  IconPolygon,
  IconRectangle,
  IconAspectRatio,
  IconRotate2,
  IconRotateClockwise2,
  IconRuler2,
  IconStack2,
  IconTarget,
  IconTimeline,
  IconZoomIn,
} from '@tabler/icons-react';
import type { Tool } from '../model/tools';
import type { Icon } from './ToolButton';

/** A window's curve: from dark to light. */
export function IconWindow({ size = 24, stroke = 1.7 }: { size?: number | string; stroke?: number | string }) {
  return (
    <svg className="wv-icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={stroke} strokeLinecap="round" strokeLinejoin="round" aria-hidden>
      <rect x="3.5" y="3.5" width="17" height="17" rx="2" />
      <path d="M7 17c5.5 0 4.5-10 10-10" />
    </svg>
  );
}

/** Two lines that lean to each other, and what stands upright on them. */
export function IconCobb({ size = 24, stroke = 1.7 }: { size?: number | string; stroke?: number | string }) {
  return (
    <svg className="wv-icon" width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={stroke} strokeLinecap="round" strokeLinejoin="round" aria-hidden>
      <path d="M3.5 8.5l12 -4" />
      <path d="M3.5 15.5l12 4" />
      <path d="M10.5 8.5l3.5 3.5l-3.5 3.5" strokeDasharray="0.1 3" />
      <path d="M18.5 9.5a5.5 5.5 0 0 1 0 5" />
    </svg>
  );
}

export const toolIcons: Readonly<Record<Tool, Icon>> = {
  window: IconWindow,
  pan: IconHandGrab,
  zoom: IconZoomIn,
  scroll: IconStack2,
  rotate: IconRotate2,
  ruler: IconRuler2,
  polyline: IconTimeline,
  angle: IconAngle,
  cobb: IconCobb,
  ellipse: IconOvalVertical,
  rectangle: IconRectangle,
  polygon: IconPolygon,
  point: IconTarget,
};

export const fitIcons = { fit: IconArrowsMaximize, actualSize: IconAspectRatio, fitWidth: IconArrowAutofitWidth } as const;

export const turnIcons = {
  turnRight: IconRotateClockwise2,
  turnLeft: IconRotate2,
  flipHorizontal: IconFlipHorizontal,
  flipVertical: IconFlipVertical,
} as const;

export const FullScreenIcon = IconMaximize;

/** The words for what the doctor makes of a volume in three dimensions, and what there is before he makes anything. */

import type { ClipBox, Edit, Look } from '../../../shared/protocol/messages';
import type { VolumeCellController, VolumeCellState } from '../../control/volumeCell';
import type { Vector } from '../../model/vector';
import type { Camera } from '../model/camera';
import type { DepthPlane } from '../model/clipBox';
import { type History, historyOf } from '../model/history';
import type { Measurement, MeasureKind } from '../model/measure';
import type { Axis } from './turntable';

export type Step = Edit['step'];

/** Tools that a mouse button holds while it drags. */
export const heldTools = ['rotate', 'pan', 'zoom', 'window'] as const;
export type HeldTool = (typeof heldTools)[number];
/** Tools of the left button that take clicks. */
export const clickTools = ['center', 'select', 'cutInside', 'cutOutside', 'cutObject', 'keepObject', 'removeSphere', 'restoreSphere', 'line', 'polyline', 'angle', 'marker'] as const;
export type ClickTool = (typeof clickTools)[number];
export type Tool = HeldTool | ClickTool;

export interface Bindings {
  readonly left: Tool;
  readonly middle: HeldTool;
  readonly right: HeldTool;
}

/** What Undo undoes. */
export interface Cuts {
  readonly steps: readonly Step[];
  readonly box: ClipBox | null;
  readonly boxOn: boolean;
  readonly plane: DepthPlane | null;
}

export const noCuts: Cuts = { steps: [], box: null, boxOn: false, plane: null };

/** As many cuts as the contract takes. */
export const MAX_STEPS = 200;
/** As many points of all of them together. */
export const MAX_STEP_POINTS = 16_000;

/** What the words around a picture are made of. */
export interface SceneLook {
  readonly camera: Camera;
  readonly look: Look | null;
  /** The preset, or own look, whose look it is unchanged. */
  readonly name: LookName | null;
  readonly cuts: Cuts;
}

export type LookName = { readonly kind: 'preset' | 'own'; readonly name: string };

/** What is made of one volume. */
export interface Made {
  /** Null until the lattice of the volume is known. */
  readonly camera: Camera | null;
  /** Null = the volume's default, until its presets are known. */
  readonly look: Look | null;
  readonly name: LookName | null;
  /** What Reset of the look goes back to. */
  readonly baseLook: Look | null;
  readonly looks: History<Look | null>;
  readonly cuts: History<Cuts>;
  readonly measurements: readonly Measurement[];
  /** Points of the measurement that is being made. */
  readonly draft: { readonly kind: MeasureKind; readonly points: readonly Vector[] } | null;
  readonly selected: number | null;
  /** Between these values pieces hang together; null = what shows. */
  readonly threshold: { readonly low: number; readonly high: number } | null;
  /** The doctor said which volume of the series he wants. */
  readonly chosen: boolean;
}

/** What the doctor has in his hand, whatever the volume. */
export interface ToolState {
  readonly bindings: Bindings;
  /** Degrees a second. */
  readonly speed: number;
  readonly axis: Axis;
  readonly radiusMm: number;
}

export interface SceneState extends Made, ToolState {
  readonly playing: boolean;
}

export const nothingMade: Made = { camera: null, look: null, name: null, baseLook: null, looks: historyOf<Look | null>(null), cuts: historyOf(noCuts), measurements: [], draft: null, selected: null, threshold: null, chosen: false };
export const startTools: ToolState = { bindings: { left: 'rotate', middle: 'rotate', right: 'window' }, speed: 30, axis: 'patient', radiusMm: 10 };

export type SceneCell = VolumeCellController<SceneLook>;
export type SceneCellState = VolumeCellState<SceneLook>;

export function isHeld(tool: Tool): tool is HeldTool {
  return (heldTools as readonly string[]).includes(tool);
}

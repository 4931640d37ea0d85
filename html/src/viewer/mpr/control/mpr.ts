/** MPR of one series: three planes that cross, their windows, and the volume beside them. No React. */

import { Cine, type Film, type PlayMode } from '../../control/cine';
import { Store } from '../../control/store';
import type { OverlayLevel, ViewerController } from '../../control/viewer';
import type { VolumeCellController } from '../../control/volumeCell';
import type { ColourTable } from '../../model/colours';
import { type CrossingPlanes, isSquare, movedTo, oriented, placed, planeOf, scrolled, shifted, squared, startPlanes, turnedAboutPlane } from '../../model/crossing';
import { clamp, mirrored, normalDegrees } from '../../model/geometry';
import { type PlaneKind, planeKinds, type PlaneLook, planeRange, type PlaneView, positionMm, stepCount, stepNumber, voxelStepMm } from '../../model/plane';
import { along, cross, dot, scale, type Vector } from '../../model/vector';
import type { VolumeGrid } from '../../model/volumeGrid';
import { type WidthLevel, type Window, windowValues } from '../../model/windowing';
import {
  cellNumbers,
  MAX_THICKNESS_MM,
  type MprLayout,
  type MprState,
  type MprTool,
  planeWish,
  type PlaneSeen,
  sameWish,
  type SlabMode,
  startLooks,
  startState,
  START_THICKNESS_MM,
  swapped,
  viewOf,
  visibleKinds,
  type WindowKind,
} from '../model/state';
import { keep, keptOf, storeMpr } from './kept';
import { PlaneHistory } from './planeHistory';
import type { Kept } from './stored';
import { VolumeWindow } from './volumeWindow';

export class MprController {
  readonly store: Store<MprState>;
  readonly viewer: ViewerController;
  readonly volume: VolumeWindow;
  readonly #cells: Readonly<Record<PlaneKind, VolumeCellController<PlaneSeen>>>;
  readonly #cine: Cine;
  readonly #film: Film;
  /** What of it was opened: the series and one of its volumes. */
  readonly opened = new Store<{ seriesId: number | null; volume: number; chosen: boolean }>({ seriesId: null, volume: 0, chosen: false });
  readonly history = new PlaneHistory();
  #leave: (() => void)[] = [];
  /** What was left of the volume that is opened, until it is known where that lies. */
  #kept: Kept | null;

  constructor(viewer: ViewerController, onFrame: (run: () => void) => void = (run) => void requestAnimationFrame(run)) {
    this.viewer = viewer;
    this.#kept = keptOf(viewer);
    this.store = new Store<MprState>({ ...(this.#kept?.state ?? startState()), planes: null });
    this.#cells = {
      axial: viewer.volumeCell(cellNumbers.axial),
      coronal: viewer.volumeCell(cellNumbers.coronal),
      sagittal: viewer.volumeCell(cellNumbers.sagittal),
    };
    this.volume = new VolumeWindow(viewer.volumeCell(cellNumbers.volume));
    this.#cine = new Cine(onFrame, () => viewer.clock.now());
    this.#film = this.#filmOf();
  }

  get state(): MprState {
    return this.store.get();
  }

  get grid(): VolumeGrid | null {
    for (const kind of planeKinds) {
      const { grid } = this.#cells[kind].state;
      if (grid !== null) return grid;
    }
    return null;
  }

  cell(kind: PlaneKind): VolumeCellController<PlaneSeen> {
    return this.#cells[kind];
  }

  /** The plane that buttons and keys act on: that of the active window, else the first. */
  get activePlane(): PlaneKind {
    const { active, order } = this.state;
    if (active !== 'volume') return active;
    return order.find((kind): kind is PlaneKind => kind !== 'volume') ?? 'axial';
  }

  /** Gives the windows their wishes; what it returns takes all back. */
  start(): () => void {
    const active = this.viewer.state.active;
    for (const kind of planeKinds) {
      const cell = this.#cells[kind];
      cell.setWish(({ grid, canvas }) => {
        if (!visibleKinds(this.state).includes(kind)) return null;
        const view = viewOf(this.state, grid, kind, canvas);
        return view === null || grid === null ? null : planeWish(this.state, grid, view);
      });
      this.#leave.push(cell.store.subscribe(() => this.#begin()));
    }
    this.#leave.push(this.volume.start(() => visibleKinds(this.state).includes('volume')));
    const touch = (): void => this.viewer.sections.touch();
    storeMpr(this.viewer, () => this.#snapshot());
    this.#leave.push(this.store.subscribe(touch), this.volume.store.subscribe(touch));
    this.viewer.activate(cellNumbers[this.state.active]);
    return () => {
      this.stopPlay();
      this.#keep();
      for (const stop of this.#leave) stop();
      this.#leave = [];
      storeMpr(this.viewer, () => null);
      for (const kind of planeKinds) this.#cells[kind].close();
      this.volume.cell.close();
      this.opened.set({ seriesId: null, volume: 0, chosen: false });
      this.store.set({ planes: null, cursor: null });
      this.viewer.activate(active); // of the image viewer's windows
    };
  }

  /**
   * Shows a volume; another one starts from its middle, with its own window.
   *
   * @param chosen null = the one that was seen last of this series, else the first
   */
  open(seriesId: number, chosen: number | null = null): void {
    const { opened } = this;
    const before = opened.get().seriesId === null ? (this.#kept ?? opened.get()) : opened.get();
    const volume = chosen ?? (before.seriesId === seriesId ? before.volume : 0);
    if (before.seriesId !== null && (before.seriesId !== seriesId || before.volume !== volume)) {
      this.#kept = null;
      this.stopPlay();
      // All windows leave the former volume before one of them tells where the next one lies.
      for (const kind of planeKinds) this.#cells[kind].close();
      this.volume.cell.close();
      this.history.clear();
      this.store.set({ planes: null, cursor: null, looks: startLooks, window: startState().window, presetId: null });
      this.volume.store.set({ camera: null });
    }
    this.volume.kept = this.#kept?.camera ?? null;
    // Who chose once, or comes back, knows which volume that is.
    const now = opened.get();
    const known = chosen !== null || (now.seriesId === seriesId ? now.chosen : before.seriesId === seriesId);
    opened.set({ seriesId, volume, chosen: known });
    for (const kind of planeKinds) this.#cells[kind].open(seriesId, volume);
    this.volume.cell.open(seriesId, volume);
  }

  tryAgain(): void {
    for (const kind of planeKinds) this.#cells[kind].tryAgain();
    this.volume.cell.tryAgain();
  }

  activate(kind: WindowKind): void {
    if (this.state.active !== kind) this.store.set({ active: kind });
    this.viewer.activate(cellNumbers[kind]);
  }

  toggleEnlarged(kind: WindowKind): void {
    this.activate(kind);
    this.#arrange({ enlarged: !this.state.enlarged && this.state.layout !== 'single' });
  }

  setLayout(layout: MprLayout): void {
    this.#arrange({ layout, enlarged: false });
  }

  /** One window alone: what a phone shows. */
  showAlone(kind: WindowKind): void {
    this.viewer.activate(cellNumbers[kind]);
    this.#arrange({ layout: 'single', active: kind, enlarged: false });
  }

  /** Another plane for a window: it swaps with the window that shows it. */
  choose(kind: WindowKind, other: WindowKind): void {
    if (kind === other) return;
    this.activate(other);
    this.#arrange({ order: swapped(this.state.order, kind, other) });
  }

  bind(button: 'left' | 'middle' | 'right', tool: MprTool): void {
    this.store.set({ bindings: { ...this.state.bindings, [button]: tool } });
  }

  nextOverlay(): void {
    const levels: readonly OverlayLevel[] = ['full', 'anonymous', 'off'];
    this.store.set({ overlay: levels[(levels.indexOf(this.state.overlay) + 1) % levels.length] ?? 'full' });
  }

  toggleLines(): void {
    this.store.set({ lines: !this.state.lines });
  }

  /** Puts a point that all windows show. */
  point(cursor: Vector | null): void {
    this.store.set({ cursor });
  }

  /** A movement of many changes begins or ends in all windows. */
  beginDrag(): void {
    this.history.hold();
    for (const kind of planeKinds) this.#cells[kind].beginDrag();
  }

  endDrag(at: number): void {
    this.history.letGo();
    for (const kind of planeKinds) this.#cells[kind].endDrag(at);
  }

  /** @param make the planes after the act, from those before it */
  act(make: (planes: CrossingPlanes, grid: VolumeGrid) => CrossingPlanes, at: number, moving: boolean): void {
    const { grid } = this;
    const { planes } = this.state;
    if (grid !== null && planes !== null) this.#change({ planes: make(planes, grid) }, at, moving);
  }

  move(point: Vector, at: number, moving: boolean): void {
    this.act((planes, grid) => movedTo(planes, grid, point), at, moving);
  }

  /** Takes the last movement of planes back; false where there is none. */
  undo(at: number): boolean {
    return this.#recall(this.history.undo(this.state), at);
  }

  redo(at: number): boolean {
    return this.#recall(this.history.redo(this.state), at);
  }

  /** As if nothing had moved since. */
  backTo(planes: CrossingPlanes, at: number): void {
    this.#recall(this.history.backTo(planes), at);
  }

  shift(from: CrossingPlanes, kind: PlaneKind, mm: number, at: number): void {
    this.act((_, grid) => shifted(from, grid, kind, mm), at, true);
  }

  scroll(kind: PlaneKind, steps: number, at: number, moving = true): void {
    if (this.state.playing === kind) this.stopPlay();
    this.act((planes, grid) => scrolled(planes, grid, kind, steps, this.state.stepMm), at, moving);
  }

  goTo(kind: PlaneKind, number: number, at: number, moving: boolean): void {
    this.act((planes, grid) => placed(planes, grid, kind, number, this.state.stepMm), at, moving);
  }

  /** Steps of a plane from one end of the volume to the other, and which of them it is at. */
  steps(kind: PlaneKind): { count: number; number: number } {
    const { grid } = this;
    const { planes, stepMm } = this.state;
    if (grid === null || planes === null) return { count: 0, number: 0 };
    const plane = planeOf(planes, kind);
    const range = planeRange(grid, plane.frame.normal, stepMm);
    return { count: stepCount(range), number: stepNumber(range, positionMm(plane)) };
  }

  /** @param dragged whose line is turned, null = both */
  turn(from: CrossingPlanes, about: PlaneKind, degrees: number, dragged: PlaneKind | null, at: number, moving: boolean): void {
    this.act(() => turnedAboutPlane(from, about, degrees, dragged, this.state.keepSquare), at, moving);
  }

  setKeepSquare(keepSquare: boolean, at: number): void {
    const { planes } = this.state;
    const again = keepSquare && planes !== null && !isSquare(planes) ? squared(planes, this.activePlane) : planes;
    this.#change({ keepSquare, planes: again }, at, false);
  }

  /** A window's plane straight along the patient; with the others kept square they follow. */
  orient(kind: PlaneKind, as: PlaneKind, at: number): void {
    this.act(
      (planes) => {
        const straight = oriented(planes, kind, as);
        return this.state.keepSquare ? squared(straight, kind) : straight;
      },
      at,
      false,
    );
  }

  /** The crossing one voxel further along a direction of a window's canvas. */
  nudge(kind: PlaneKind, right: number, down: number, at: number): void {
    const view = this.view(kind);
    if (view === null) return;
    this.act(
      (planes, grid) => {
        const way = right !== 0 ? scale(view.right, right) : scale(view.down, down);
        return movedTo(planes, grid, along(planes.crossing, way, voxelStepMm(grid, way)));
      },
      at,
      true,
    );
  }

  /** Turns the lines on a window about the crossing, clockwise as they are seen. */
  turnBy(kind: PlaneKind, degrees: number, at: number): void {
    const { planes } = this.state;
    if (planes !== null) this.turn(planes, kind, this.handedness(kind) * degrees, null, at, true);
  }

  /** 1 where clockwise on the canvas is clockwise on the plane; -1 on a flipped one. */
  handedness(kind: PlaneKind): 1 | -1 {
    const view = this.view(kind);
    return view !== null && dot(cross(view.right, view.down), view.plane.frame.normal) < 0 ? -1 : 1;
  }

  view(kind: PlaneKind): PlaneView | null {
    return viewOf(this.state, this.grid, kind, this.#cells[kind].state.canvas);
  }

  setLook(kind: PlaneKind, look: PlaneLook, at: number, moving: boolean): void {
    this.#change({ looks: { ...this.state.looks, [kind]: look } }, at, moving);
  }

  flip(axis: 'horizontal' | 'vertical', at: number): void {
    const kind = this.activePlane;
    const look = this.state.looks[kind];
    this.setLook(kind, { ...look, ...mirrored(look, axis) }, at, false);
  }

  turnPicture(degrees: number, at: number): void {
    const kind = this.activePlane;
    const look = this.state.looks[kind];
    this.setLook(kind, { ...look, rotationDeg: normalDegrees(look.rotationDeg + degrees) }, at, false);
  }

  fit(at: number): void {
    const kind = this.activePlane;
    this.setLook(kind, { ...this.state.looks[kind], zoom: null, center: null }, at, false);
  }

  setSlab(slab: SlabMode, at: number): void {
    const thicknessMm = slab !== 'plane' && this.state.thicknessMm === 0 ? START_THICKNESS_MM : this.state.thicknessMm;
    this.#change({ slab, thicknessMm }, at, false);
  }

  setThickness(mm: number, at: number, moving: boolean): void {
    const thicknessMm = Math.round(clamp(mm, 0, MAX_THICKNESS_MM) * 10) / 10;
    // Whoever sets a thickness wants to see it.
    const slab = this.state.slab === 'plane' ? 'mip' : this.state.slab;
    this.#change({ thicknessMm, slab }, at, moving);
  }

  setInterpolation(interpolation: MprState['interpolation'], at: number): void {
    this.#change({ interpolation }, at, false);
  }

  setStep(stepMm: number | null): void {
    this.store.set({ stepMm });
  }

  setWindow(window: Window, presetId: string | null, at: number, moving: boolean): void {
    this.#change({ window, presetId }, at, moving);
  }

  dragWindow(values: WidthLevel, at: number): void {
    this.setWindow(windowValues(values, undefined), null, at, true);
  }

  invert(at: number): void {
    this.#change({ invert: !this.state.invert }, at, false);
  }

  setColours(colours: ColourTable, at: number): void {
    this.#change({ colours }, at, false);
  }

  /** The window that is seen or asked for, null while the server has not said it. */
  get windowValues(): WidthLevel | null {
    const { window } = this.state;
    if (window.kind === 'values') return { width: window.width, center: window.center };
    for (const kind of planeKinds) {
      const { shown } = this.#cells[kind].state;
      if (shown !== null && shown.wish?.look.window === window && shown.windowCenter !== null && shown.windowWidth !== null && shown.windowWidth > 0) {
        return { width: shown.windowWidth, center: shown.windowCenter };
      }
    }
    return null;
  }

  /** Straight planes through the middle, all of it in view. */
  resetPosition(at: number): void {
    const { grid } = this;
    if (grid !== null) this.#change({ planes: startPlanes(grid), looks: startLooks }, at, false);
    this.volume.reset(at);
  }

  resetAll(at: number): void {
    const { slab, thicknessMm, interpolation, stepMm, window, presetId, invert, colours } = startState();
    this.stopPlay();
    const { grid } = this;
    const planes = grid === null ? null : startPlanes(grid);
    this.#change({ planes, looks: startLooks, keepSquare: true, slab, thicknessMm, interpolation, stepMm, window, presetId, invert, colours, cursor: null }, at, false);
    this.volume.reset(at);
  }

  togglePlay(): void {
    if (this.state.playing !== null) {
      this.stopPlay();
      return;
    }
    const kind = this.activePlane;
    if (this.steps(kind).count < 2) return;
    this.store.set({ playing: kind });
    this.#cine.start(this.#film, () => this.state.fps, this.state.playMode, () => this.store.set({ playing: null }));
  }

  stopPlay(): void {
    if (this.state.playing === null) return;
    this.#cine.stop(this.#film);
    this.store.set({ playing: null });
  }

  setPlayMode(playMode: PlayMode): void {
    const wasPlaying = this.state.playing !== null;
    this.stopPlay();
    this.store.set({ playMode });
    if (wasPlaying) this.togglePlay();
  }

  /** The plane that is played, step by step of its way through the volume. */
  #filmOf(): Film {
    const kind = (): PlaneKind => this.state.playing ?? this.activePlane;
    const steps = (): { count: number; number: number } => this.steps(kind());
    const cell = (): VolumeCellController<PlaneSeen> => this.#cells[kind()];
    const goTo = (index: number, at: number): boolean => {
      if (steps().number === index + 1) return false;
      this.goTo(kind(), index + 1, at, true);
      return true;
    };
    return {
      get count() {
        return steps().count;
      },
      get index() {
        return Math.max(0, steps().number - 1);
      },
      get isBehind() {
        return (cell().state.shown?.revision ?? 0) < cell().lastSent;
      },
      goTo,
      begin: () => this.beginDrag(),
      end: (at) => this.endDrag(at),
    };
  }

  /** The volume's place became known: the planes go to its middle. */
  #begin(): void {
    const { grid } = this;
    if (grid === null || this.state.planes !== null) return;
    // A point that was picked on the volume is where the doctor wants to look.
    const handed = this.viewer.takeHanded();
    const planes = this.#kept?.state.planes ?? startPlanes(grid);
    this.#kept = null;
    // The volume may have become another one since the planes were left: their crossing stays in it.
    this.store.set({ planes: movedTo(planes, grid, handed ?? planes.crossing) });
    for (const kind of planeKinds) this.#cells[kind].refresh();
  }

  /** For a doctor who comes back to MPR. */
  #keep(): void {
    const snapshot = this.#snapshot();
    if (snapshot !== null) keep(this.viewer, snapshot);
  }

  #snapshot(): Kept | null {
    const { seriesId, volume } = this.opened.get();
    if (seriesId === null) return null;
    const { state } = this;
    const planes = state.planes ?? this.#kept?.state.planes ?? null;
    return { seriesId, volume, state: { ...state, planes }, camera: this.volume.store.get().camera ?? this.volume.kept };
  }

  /** Which windows are on the page has changed: those that come ask for what they missed. */
  #arrange(patch: Partial<MprState>): void {
    const before = visibleKinds(this.state);
    this.store.set(patch);
    for (const kind of visibleKinds(this.state)) {
      if (before.includes(kind)) continue;
      if (kind === 'volume') this.volume.cell.refresh();
      else this.#cells[kind].refresh();
    }
  }

  /** Windows whose picture stays the same are left alone: only their lines move. */
  #change(patch: Partial<MprState>, at: number, moving: boolean): void {
    this.history.note(this.state, patch, at, moving);
    this.#set(patch, at, moving);
  }

  #recall(patch: Partial<MprState> | null, at: number): boolean {
    if (patch === null) return false;
    if (this.state.playing !== null) this.stopPlay();
    this.#set(patch, at, false);
    return true;
  }

  #set(patch: Partial<MprState>, at: number, moving: boolean): void {
    const before = planeKinds.map((kind) => this.#cells[kind].wish);
    this.store.set(patch);
    planeKinds.forEach((kind, index) => {
      const cell = this.#cells[kind];
      const [was, is] = [before[index] ?? null, cell.wish];
      if (is !== null && (was === null || !sameWish(was, is))) cell.wishChanged(at, moving);
    });
  }
}


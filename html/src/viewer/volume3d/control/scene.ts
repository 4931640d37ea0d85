/**
 * What the doctor has made of a volume in three dimensions: camera, look, cuts, measurements and tools. No React; it
 * gives its window the wishes and keeps what can be undone.
 */

import type { Look, VolumeFacts } from '../../../shared/protocol/messages';
import type { CellCanvas } from '../../control/pictureCell';
import { Store } from '../../control/store';
import type { ViewerController } from '../../control/viewer';
import type { VolumeWish } from '../../control/volumeCell';
import { freshIds } from '../../measure/model/ids';
import type { Vector } from '../../model/vector';
import type { VolumeGrid } from '../../model/volumeGrid';
import type { WidthLevel } from '../../model/windowing';
import { type Camera, canvasAt, centeredOn, mmPerPx, oriented, panned, poseOf, projected, type Projection, startCamera, turnedByDrag, zoomed } from '../model/camera';
import { clipPlaneOf, minimumBox, wholeBox } from '../model/clipBox';
import type { Frame } from '../model/frame';
import { altered, amended, changed, type History, historyOf, redone, undone } from '../model/history';
import { inMode, sameLook, type VolumeMode, windowOf, withWindow } from '../model/look';
import type { Measurement, MeasureKind } from '../model/measure';
import { keep, keptOf, lastToolsOf, lastVolumeOf, storeVolumes } from './kept';
import { type Kept, readMeasurement3d, type Slab } from './stored';
import { type Bindings, type Cuts, isHeld, type LookName, type Made, MAX_STEP_POINTS, MAX_STEPS, noCuts, nothingMade, type SceneCell, type SceneCellState, type SceneLook, type SceneState, startTools, type Step, type Tool } from './sceneState';
import { Turntable } from './turntable';

export class SceneController {
  readonly cell: SceneCell;
  readonly store: Store<SceneState>;
  readonly #turntable: Turntable;
  readonly #leave: readonly (() => void)[];
  /** The cuts that the server holds, in order. */
  #sent: readonly Step[] = [];
  #facts: VolumeFacts | null = null;
  #grid: SceneCellState['grid'] = null;
  #reference: SceneCellState['reference'] = null;
  readonly #newId = freshIds(Date.now, Math.random);
  /** The measurements as the figures of the viewer have them. */
  #figures: readonly Measurement[] = [];
  #bottomCss = 0;
  #slab: Slab | null = null;
  readonly #viewer: ViewerController;
  /** What was left of the volume that is opened. */
  #kept: Kept | null = null;

  constructor(viewer: ViewerController, onFrame: (run: () => void) => void, now: () => number) {
    this.#viewer = viewer;
    this.cell = viewer.volumeCell<SceneLook>(0);
    const { cell } = this;
    this.store = new Store<SceneState>({ ...nothingMade, ...(lastToolsOf(viewer) ?? startTools), playing: false });
    this.#turntable = new Turntable(this, onFrame, now);
    cell.setWish((state) => this.#wish(state));
    const { sections } = viewer;
    this.#leave = [
      cell.store.subscribe(() => this.#follow()),
      this.store.subscribe(() => this.#tellFigures()),
      sections.figures.subscribe(() => this.#hearFigures()),
    ];
    storeVolumes(viewer, () => this.#snapshot());
  }

  get state(): SceneState {
    return this.store.get();
  }

  get facts(): VolumeFacts | null {
    return this.cell.state.facts;
  }

  /** @param chosen which volume the doctor wants; null = the one of this series that was seen last, else the first */
  open(seriesId: number, chosen: number | null = null): void {
    const { reference } = this.cell.state;
    // The one that is shown was meant: it stays as it is.
    const shown = chosen !== null && reference?.seriesId === seriesId && reference.volume === chosen;
    if (!shown) this.cell.open(seriesId, chosen ?? lastVolumeOf(this.#viewer, seriesId) ?? 0);
    if (chosen !== null) this.store.set({ chosen: true });
  }

  leave(): void {
    this.stopPlay();
    this.#keep();
    for (const stop of this.#leave) stop();
    storeVolumes(this.#viewer, () => null);
    this.cell.close();
    this.cell.setWish(() => null);
  }

  /** So much of the window, pixels of the interface, lies under a panel at its foot: the start camera puts the volume above it. */
  setFoot(bottomCss: number): void {
    this.#bottomCss = bottomCss;
  }

  /** Where a volume is seen from at first: all of it in the part of the window that is free. */
  #start(grid: VolumeGrid, projection: Projection): Camera {
    const camera = startCamera(grid, projection);
    const { widthPx, heightPx, perCss } = this.cell.state.canvas;
    const foot = Math.min(this.#bottomCss * perCss, heightPx / 3);
    if (foot <= 0 || widthPx < 1) return camera;
    const free = Math.min(widthPx, heightPx - foot) / Math.min(widthPx, heightPx);
    const canvas = { widthPx, heightPx };
    return panned(zoomed(camera, free), canvas, 0, -foot / 2);
  }

  /** Another camera. */
  look(camera: Camera, at: number, moving: boolean): void {
    if (this.state.camera === null) return;
    this.store.set({ camera });
    this.cell.wishChanged(at, moving);
  }

  /** Changes the camera by a function of what it is. */
  move(change: (camera: Camera, canvas: CellCanvas) => Camera, at: number, moving: boolean): void {
    const { camera } = this.state;
    const { canvas } = this.cell.state;
    if (camera !== null && canvas.widthPx > 0) this.look(change(camera, canvas), at, moving);
  }

  turn(dx: number, dy: number, at: number, moving = true): void {
    this.move((camera, canvas) => turnedByDrag(camera, canvas, dx, dy), at, moving);
  }

  pan(dx: number, dy: number, at: number, moving = true): void {
    this.move((camera, canvas) => panned(camera, canvas, dx, dy), at, moving);
  }

  zoom(factor: number, at: number, moving = true): void {
    this.move((camera) => zoomed(camera, factor), at, moving);
  }

  orient(frame: Frame, at: number): void {
    this.stopPlay();
    this.move((camera) => oriented(camera, frame), at, false);
  }

  setProjection(projection: Projection, at: number): void {
    this.move((camera) => projected(camera, projection), at, false);
  }

  center(point: Vector, at: number): void {
    this.move((camera) => centeredOn(camera, point), at, false);
  }

  /** Back to the start, seen as it is now by parallel or perspective rays. */
  resetPosition(at: number): void {
    const { grid } = this.cell.state;
    const { camera } = this.state;
    if (grid === null || camera === null) return;
    this.stopPlay();
    this.look(this.#start(grid, camera.projection), at, false);
  }

  /** The whole in the middle again, seen from the same side. */
  recenter(at: number): void {
    const { grid } = this.cell.state;
    if (grid === null) return;
    this.move((camera) => oriented(this.#start(grid, camera.projection), camera.frame), at, false);
  }

  /** Another look, as a step that can be undone. */
  setLook(look: Look, at: number, name: LookName | null = null): void {
    const { looks } = this.state;
    if (sameLook(looks.present, look)) return;
    this.store.set({ look, name, looks: changed(looks, look), ...(name === null ? {} : { baseLook: look }) });
    this.#suitBox(looks.present, look, at);
    this.cell.wishChanged(at, false);
  }

  /** The look while something is dragged; `keepLook` makes one step of it all. */
  dragLook(look: Look, at: number): void {
    if (this.state.look === null || sameLook(this.state.look, look)) return;
    this.store.set({ look, name: null });
    this.cell.wishChanged(at, true);
  }

  /** The drag is over. */
  keepLook(): void {
    const { looks, look } = this.state;
    if (look !== null && !sameLook(looks.present, look)) this.store.set({ looks: changed(looks, look) });
  }

  undoLook(at: number): void {
    this.#showLook(undone(this.state.looks), at);
  }

  redoLook(at: number): void {
    this.#showLook(redone(this.state.looks), at);
  }

  resetLook(at: number): void {
    const { baseLook } = this.state;
    if (baseLook !== null) this.setLook(baseLook, at, this.#nameOf(baseLook));
  }

  choosePreset(presetId: string, at: number): void {
    const preset = this.facts?.presets.find((one) => one.preset_id === presetId);
    if (preset !== undefined) this.setLook(preset.look, at, { kind: 'preset', name: presetId });
  }

  setMode(mode: VolumeMode, at: number): void {
    const { look } = this.state;
    const facts = this.facts;
    if (look === null || facts === null) return;
    const next = inMode(look, mode, facts);
    this.setLook(next, at, this.#nameOf(next));
  }

  /** Width and level by which the look shows. */
  get window(): WidthLevel | null {
    const { look } = this.state;
    return look === null ? null : windowOf(look);
  }

  dragWindow(from: Look, to: WidthLevel, at: number): void {
    this.dragLook(withWindow(from, to), at);
  }

  /** Another state of the cuts, as a step that can be undone. */
  setCuts(patch: Partial<Cuts>, at: number): void {
    const { cuts } = this.state;
    this.#showCuts(changed(cuts, { ...cuts.present, ...patch }), at, false);
  }

  /** While the box or the plane is dragged: no step of its own. Call `setCuts({})` before the first. */
  dragCuts(patch: Partial<Cuts>, at: number): void {
    const { cuts } = this.state;
    this.#showCuts(amended(cuts, { ...cuts.present, ...patch }), at, true);
  }

  /** @returns false where there may be no more */
  cut(step: Step, at: number): boolean {
    const { steps } = this.state.cuts.present;
    const points = [...steps, step].reduce((sum, one) => sum + pointsOf(one), 0);
    if (steps.length >= MAX_STEPS || points > MAX_STEP_POINTS) return false;
    this.setCuts({ steps: [...steps, step] }, at);
    return true;
  }

  undo(at: number): void {
    this.#showCuts(undone(this.state.cuts), at, false);
  }

  redo(at: number): void {
    this.#showCuts(redone(this.state.cuts), at, false);
  }

  restoreAll(at: number): void {
    this.setCuts(noCuts, at);
  }

  toggleBox(at: number): void {
    const { grid } = this.cell.state;
    if (grid === null) return;
    const { box, boxOn } = this.state.cuts.present;
    this.setCuts({ boxOn: !boxOn, box: box ?? wholeBox(grid) }, at);
  }

  resetBox(at: number): void {
    const { grid } = this.cell.state;
    if (grid !== null) this.setCuts({ box: wholeBox(grid) }, at);
  }

  /** A plane towards the viewer as he looks now, or none. */
  togglePlane(at: number): void {
    const { camera, cuts } = this.state;
    if (camera === null) return;
    const { away } = camera.frame;
    this.setCuts({ plane: cuts.present.plane === null ? { normal: [-away[0], -away[1], -away[2]], depth: 0.5 } : null }, at);
  }

  bind(button: keyof Bindings, tool: Tool): void {
    if (button !== 'left' && !isHeld(tool)) return;
    this.store.set({ bindings: { ...this.state.bindings, [button]: tool }, ...(button === 'left' ? { draft: null } : {}) });
  }

  togglePlay(): void {
    if (this.state.playing) this.stopPlay();
    else if (this.state.camera !== null) this.#turntable.start();
  }

  stopPlay(): void {
    if (this.state.playing) this.#turntable.stop();
  }

  /** A point of the patient for the measurement that is being made. */
  addPoint(kind: MeasureKind, point: Vector, most: number): void {
    const { draft, measurements } = this.state;
    const points = draft?.kind === kind ? [...draft.points, point] : [point];
    if (points.length < most) {
      this.store.set({ draft: { kind, points } });
      return;
    }
    this.#finish(kind, points, measurements);
  }

  /** Ends a polygonal ruler with the points that it has. */
  endDraft(): void {
    const { draft, measurements } = this.state;
    if (draft === null) return;
    if (draft.kind === 'polyline' && draft.points.length >= 2) this.#finish(draft.kind, draft.points, measurements);
    else this.dropDraft();
  }

  dropDraft(): void {
    if (this.state.draft !== null) this.store.set({ draft: null });
  }

  removeMeasurement(id: number): void {
    this.store.set({ measurements: this.state.measurements.filter((one) => one.id !== id), selected: null });
  }

  nameMarker(id: number, name: string): void {
    this.store.set({ measurements: this.state.measurements.map((one) => (one.id === id ? { ...one, name } : one)) });
  }

  select(id: number | null): void {
    if (this.state.selected !== id) this.store.set({ selected: id });
  }

  /** An edit cannot be made: as if it had never been asked for. */
  dropStep(step: Step, at: number): void {
    const without = (cuts: Cuts): Cuts => (cuts.steps.includes(step) ? { ...cuts, steps: cuts.steps.filter((one) => one !== step) } : cuts);
    this.#showCuts(altered(this.state.cuts, without, sameCuts), at, false);
  }

  #finish(kind: MeasureKind, points: readonly Vector[], measurements: readonly Measurement[]): void {
    const id = this.#newId();
    const number = 1 + measurements.filter((one) => one.kind === 'marker').length;
    this.store.set({ draft: null, measurements: [...measurements, { id, kind, points, name: kind === 'marker' ? String(number) : '' }], selected: id });
  }

  #showLook(looks: History<Look | null>, at: number): void {
    const before = this.state.look;
    if (looks === this.state.looks || looks.present === null) return;
    this.store.set({ looks, look: looks.present, name: this.#nameOf(looks.present) });
    this.#suitBox(before, looks.present, at);
    this.cell.wishChanged(at, false);
  }

  /** A minimum projection begins with a slab, if no box is shown; the slab goes with it, unless it was changed by hand. */
  #suitBox(before: Look | null, now: Look, at: number): void {
    const { cuts, camera } = this.state;
    const { grid, opened } = this.cell.state;
    const [was, is] = [before?.mode === 'minip', now.mode === 'minip'];
    if (was === is || grid === null || camera === null) return;
    const { box, boxOn } = cuts.present;
    if (is && !boxOn) {
      this.#slab = { box: minimumBox(grid, camera.frame.away, opened?.modality ?? ''), before: box };
      this.setCuts({ box: this.#slab.box, boxOn: true }, at);
    } else if (was && boxOn && box !== null && box === this.#slab?.box) {
      this.setCuts({ box: this.#slab.before, boxOn: false }, at);
    }
  }

  #nameOf(look: Look): LookName | null {
    const preset = this.facts?.presets.find((one) => sameLook(one.look, look));
    return preset === undefined ? null : { kind: 'preset', name: preset.preset_id };
  }

  #showCuts(cuts: History<Cuts>, at: number, moving: boolean): void {
    if (cuts === this.state.cuts) return;
    this.store.set({ cuts });
    this.#tellServer();
    this.cell.wishChanged(at, moving);
  }

  /** Edits from the first that the server does not have; what it has beyond is left: the wish says how many hold. */
  #tellServer(): void {
    const { steps } = this.state.cuts.present;
    let same = 0;
    while (same < steps.length && this.#sent[same] === steps[same]) same += 1;
    if (same === steps.length) return;
    steps.slice(same).forEach((step, index) => this.cell.edit(same + index + 1, step));
    this.#sent = steps;
  }

  /** What the window learnt: the lattice makes the camera, the facts make the look. */
  #follow(): void {
    const { reference, grid, facts } = this.cell.state;
    if (reference !== this.#reference) {
      this.stopPlay();
      this.#keep();
      this.#reference = reference;
      this.#sent = [];
      this.#kept = reference === null ? null : keptOf(this.#viewer, reference.seriesId, reference.volume);
      this.#slab = this.#kept?.slab ?? null;
      this.#figures = this.#figuresOf(reference);
      this.store.set({ ...(this.#kept?.made ?? nothingMade), measurements: this.#figures, camera: null });
    }
    if (grid !== this.#grid) {
      this.#grid = grid;
      if (grid !== null) {
        this.store.set({ camera: this.#kept?.made.camera ?? this.#start(grid, 'parallel') });
        // Cuts of a volume that was left before: the first wish counts on them.
        this.#tellServer();
      }
    }
    if (facts !== this.#facts) {
      this.#facts = facts;
      if (facts !== null) this.#takeFacts(facts);
    }
  }

  /** The measurements of a volume, in the order in which they were made. */
  #figuresOf(reference: SceneCellState['reference']): readonly Measurement[] {
    const found = [...this.#viewer.sections.figures.get().all].flatMap(([id, { seriesId, volume, value }]) =>
      seriesId === reference?.seriesId && volume === reference.volume ? (readMeasurement3d(id, value) ?? []) : [],
    );
    return found.sort((one, other) => one.id - other.id);
  }

  /** Changes of the measurements go to the figures of the viewer. */
  #tellFigures(): void {
    const { measurements } = this.state;
    const reference = this.#reference;
    const before = this.#figures;
    const { sections } = this.#viewer;
    if (measurements === before || reference === null) {
      sections.touch();
      return;
    }
    this.#figures = measurements;
    const fresh = measurements.filter((one) => !before.includes(one)).map(({ id, ...value }) => [id, { ...reference, value }] as const);
    const left = new Set(measurements.map(({ id }) => id));
    sections.changeFigures(new Map(fresh), new Set(before.map(({ id }) => id).filter((id) => !left.has(id))));
  }

  /** Another browser tab has changed a measurement. */
  #hearFigures(): void {
    if (this.#reference === null || this.#figures !== this.state.measurements) return;
    const now = this.#figuresOf(this.#reference);
    const same = now.length === this.#figures.length && now.every((one, at) => JSON.stringify(one) === JSON.stringify(this.#figures[at]));
    if (same) return;
    this.#figures = now;
    const { selected } = this.state;
    this.store.set({ measurements: now, selected: now.some(({ id }) => id === selected) ? selected : null });
  }

  /** For a doctor who comes back to this volume. */
  #keep(): void {
    const snapshot = this.#snapshot();
    if (snapshot !== null) keep(this.#viewer, snapshot);
  }

  #snapshot(): Kept | null {
    const reference = this.#reference;
    if (reference === null) return null;
    const { look, name, baseLook, looks, cuts, measurements, selected, threshold, chosen, bindings, speed, axis, radiusMm } = this.state;
    const camera = this.state.camera ?? this.#kept?.made.camera ?? null;
    const made: Made = { camera, look, name, baseLook, looks, cuts, measurements, draft: null, selected, threshold, chosen };
    return { ...reference, made, tools: { bindings, speed, axis, radiusMm }, slab: this.#slab };
  }

  /** Presets that span the values of a volume change when all of it is there. */
  #takeFacts({ presets, default_preset, whole }: VolumeFacts): void {
    const { look, name } = this.state;
    if (look !== null && name?.kind !== 'preset') return;
    // The look that was left is of the whole.
    if (this.#kept !== null && look !== null && !whole) return;
    const preset = presets.find((one) => one.preset_id === (look === null ? default_preset : name?.name));
    if (preset === undefined || sameLook(look, preset.look)) return;
    this.store.set({ look: preset.look, baseLook: preset.look, name: { kind: 'preset', name: preset.preset_id }, looks: historyOf<Look | null>(preset.look) });
    // Without a look the server draws the same preset.
    if (look !== null) this.cell.refresh();
  }

  #wish({ canvas, grid }: SceneCellState): VolumeWish<SceneLook> | null {
    const { camera, look, name, cuts } = this.state;
    if (camera === null || grid === null || canvas.widthPx < 1) return null;
    const { steps, box, boxOn, plane } = cuts.present;
    const scale = 1 / mmPerPx(camera, canvas);
    // The picture is moved with the target: what a turn changes is seen with the next picture.
    const target = canvasAt(camera, canvas, camera.target);
    return {
      view: {
        type: 'camera',
        pose: poseOf(camera, canvas),
        look,
        box: boxOn ? box : null,
        plane: plane === null ? null : clipPlaneOf(grid, plane),
        edits: steps.length,
      },
      onto: { a: scale, b: 0, c: 0, d: scale, e: target?.x ?? 0, f: target?.y ?? 0 },
      look: { camera, look, name, cuts: cuts.present },
      smooth: true,
    };
  }
}

function pointsOf(step: Step): number {
  if (step.kind === 'polygon') return step.points.length;
  return step.kind === 'sphere' ? step.centers_lps_mm.length : 1;
}

function sameCuts(one: Cuts, other: Cuts): boolean {
  const same = one.box === other.box && one.boxOn === other.boxOn && one.plane === other.plane;
  return same && one.steps.length === other.steps.length && one.steps.every((step, at) => step === other.steps[at]);
}

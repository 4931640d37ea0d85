import { beforeEach, describe, expect, it } from 'vitest';
import type { Figure } from '../../control/sections';
import { standardFrame } from '../model/orientations';
import { boneLook, VolumeStage } from '../testing';
import type { SceneState } from './sceneState';

let stage: VolumeStage;
beforeEach(async () => {
  stage = new VolumeStage();
  await stage.open();
  stage.facts();
});

function work(): void {
  const { scene } = stage;
  scene.bind('left', 'removeSphere');
  scene.orient(standardFrame('LAO', 30), 1);
  scene.setProjection('perspective', 1);
  scene.zoom(1.5, 1, false);
  scene.dragWindow(boneLook, { width: 300, center: 200 }, 2);
  scene.keepLook();
  scene.cut({ kind: 'table' }, 3);
  scene.cut({ kind: 'sphere', centers_lps_mm: [[0, 0, 0]], radius_mm: 12, restore: false }, 4);
  scene.toggleBox(5);
  scene.togglePlane(6);
  scene.undo(7);
  scene.addPoint('line', [0, 0, 0], 2);
  scene.addPoint('line', [30, 0, 0], 2);
  scene.addPoint('marker', [5, 5, 5], 1);
  scene.nameMarker(scene.state.measurements[1]?.id ?? 0, 'Node');
  scene.store.set({ radiusMm: 25, speed: 60, axis: 'vertical' });
}

describe('what was made in 3D', () => {
  it('is as it was left when the doctor comes back from images or planes', () => {
    work();
    stage.scene.togglePlay();
    stage.scene.addPoint('line', [1, 1, 1], 2);
    const left: SceneState = { ...stage.scene.state, playing: false, draft: null };
    stage.away();
    // Left again before the volume answered, nothing is lost either.
    stage.back();
    stage.away();
    stage.back();
    expect(stage.sent('open_volume')).toMatchObject([{ series_id: 7, volume: 0 }]);
    stage.opened(0);
    expect(stage.scene.state).toEqual(left);
    // The server gets the cuts again, and a picture that counts on them only behind them.
    const order = stage.socket.sent.map(({ type }) => type).filter((type) => type === 'edit' || type === 'camera');
    expect(order).toEqual(['edit', 'edit', 'camera']);
    expect(stage.sent('edit').map(({ number, step }) => [number, (step as { kind: string }).kind])).toEqual([[1, 'table'], [2, 'sphere']]);
    expect(stage.lastCamera).toMatchObject({ edits: 2, look: left.look, plane: null, moving: false });
    expect(stage.lastCamera['box']).not.toBeNull();
    // Facts of the first slices change nothing, nor do those of the whole.
    stage.facts(false);
    stage.facts();
    expect(stage.scene.state).toEqual(left);
    stage.scene.redo(8);
    expect(stage.lastCamera['plane']).not.toBeNull();
    stage.scene.undo(9);
    stage.scene.undo(9);
    expect(stage.lastCamera['box']).toBeNull();
    stage.scene.undo(10);
    expect(stage.lastCamera['edits']).toBe(1);
    stage.scene.undoLook(11);
    expect(stage.lastCamera['look']).toEqual(boneLook);
    stage.scene.addPoint('marker', [9, 9, 9], 1);
    expect(new Set(stage.scene.state.measurements.map(({ id }) => id)).size).toBe(3);
  });

  it('belongs to its volume: another series begins anew with the tools in the hand, and coming back there it is', () => {
    work();
    const left = stage.scene.state;
    stage.scene.open(8);
    stage.opened(0, 0, 1, 8);
    expect(stage.scene.state).toMatchObject({ look: null, measurements: [], bindings: left.bindings, radiusMm: 25 });
    expect(stage.scene.state.cuts.past).toHaveLength(0);
    expect(stage.scene.state.camera?.projection).toBe('parallel');
    stage.scene.store.set({ radiusMm: 30 });
    stage.scene.open(7);
    stage.opened(0);
    expect(stage.scene.state).toEqual({ ...left, radiusMm: 30 });
  });

  it('shows the volume of a series that was seen last', () => {
    stage.scene.open(7, 1);
    stage.opened(0, 1, 2);
    stage.scene.orient(standardFrame('L'), 1);
    const { camera } = stage.scene.state;
    stage.away();
    stage.back();
    expect(stage.sent('open_volume')).toMatchObject([{ volume: 1 }]);
    stage.opened(0, 1, 2);
    expect(stage.scene.state).toMatchObject({ camera, chosen: true });
  });
});

describe('what was made in 3D before a reload', () => {
  /** The same study in a page that was loaded again. */
  async function reloaded(change: (json: string) => string = (json) => json): Promise<VolumeStage> {
    const text = JSON.stringify([stage.viewer.sections.all(), [...stage.viewer.sections.figures.get().all]]);
    const [sections, figures] = JSON.parse(change(text)) as [Record<string, unknown>, [number, Figure][]];
    const next = new VolumeStage();
    next.viewer.sections.restore(sections);
    next.scene.leave();
    next.viewer.sections.changeFigures(new Map(figures));
    await next.connect();
    next.back();
    next.opened(0);
    next.facts();
    return next;
  }

  it('is there again: camera, look, cuts that can be undone, markers with their names, tools', async () => {
    work();
    const left = stage.scene.state;
    const { scene } = await reloaded();
    const { camera, look, measurements, bindings, speed, axis, radiusMm } = scene.state;
    expect({ camera, look, measurements, bindings, speed, axis, radiusMm }).toEqual({ camera: left.camera, look: left.look, measurements: left.measurements, bindings: left.bindings, speed: 60, axis: 'vertical', radiusMm: 25 });
    expect(scene.state.measurements.map(({ kind, name }) => [kind, name])).toEqual([['line', ''], ['marker', 'Node']]);
    expect(scene.state.cuts.present).toEqual(left.cuts.present);
    scene.undo(1);
    expect(scene.state.cuts.present.steps).toEqual([{ kind: 'table' }]);
  });

  it.each([
    ['a camera without a direction', (json: string) => json.replace(/"right":\[[^\]]*\]/, '"right":[0,0,0]')],
    ['a cut of no kind', (json: string) => json.replace('"kind":"table"', '"kind":"eval"')],
    ['a look beyond the contract', (json: string) => json.replace('"mode":"shaded"', '"mode":"x-ray"')],
    ['a brush of no size', (json: string) => json.replace('"radiusMm":25', '"radiusMm":null')],
  ])('begins anew where it has %s', async (_, change) => {
    work();
    const { scene } = await reloaded(change);
    expect(scene.state.cuts.present.steps).toEqual([]);
    expect(scene.state.camera?.projection).toBe('parallel');
    expect(scene.state.measurements).toHaveLength(2);
  });

  it('leaves out a measurement that is none', async () => {
    work();
    const { scene } = await reloaded((json) => json.replace('"kind":"line"', '"kind":"angle"'));
    expect(scene.state.measurements.map(({ kind }) => kind)).toEqual(['marker']);
  });

  it('changes when another browser tab draws or deletes', () => {
    work();
    const [line, marker] = stage.scene.state.measurements;
    const { sections } = stage.viewer;
    sections.changeFigures(new Map([[Number.MAX_SAFE_INTEGER, { seriesId: 7, volume: 0, value: { kind: 'marker', points: [[1, 2, 3]], name: 'Theirs' } }]]), new Set([line?.id ?? 0]));
    expect(stage.scene.state.measurements.map(({ name }) => name)).toEqual(['Node', 'Theirs']);
    stage.scene.removeMeasurement(marker?.id ?? 0);
    expect([...sections.figures.get().all.keys()]).toEqual([Number.MAX_SAFE_INTEGER]);
    sections.changeFigures(new Map([[5, { seriesId: 8, volume: 0, value: { kind: 'marker', points: [[1, 2, 3]], name: 'Elsewhere' } }]]));
    expect(stage.scene.state.measurements.map(({ name }) => name)).toEqual(['Theirs']);
  });
});

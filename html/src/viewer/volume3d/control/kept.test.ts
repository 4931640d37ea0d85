import { beforeEach, describe, expect, it } from 'vitest';
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
  scene.nameMarker(2, 'Node');
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

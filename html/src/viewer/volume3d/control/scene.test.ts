import { beforeEach, describe, expect, it } from 'vitest';
import type { CameraPose } from '../../../shared/protocol/messages';
import { settle } from '../../testing/fakes';
import { standardFrame } from '../model/orientations';
import { boneLook, mipLook, presets, VolumeStage } from '../testing';
import { Drag, visibleRange } from './hands';
import { handleVolumeKey } from './keys';
import { readLooks, withLook, withoutLook } from './ownLooks';
import { takeBackRefused } from './refusedCuts';
import type { Step } from './sceneState';

let stage: VolumeStage;
beforeEach(async () => {
  stage = new VolumeStage();
  await stage.open();
});

const pose = (): CameraPose => stage.lastCamera['pose'] as CameraPose;
const key = (name: string, more: Partial<KeyboardEventInit> = {}): boolean =>
  handleVolumeKey(new KeyboardEvent('keydown', { key: name, ...more }), { scene: stage.scene, hands: stage.hands, nextOverlay: () => undefined, exportPicture: () => undefined, openKeys: () => undefined });

describe('a volume', () => {
  it('is asked for from the front, all of it in view, with the default look', () => {
    expect(pose()).toMatchObject({ width_px: 800, height_px: 400, right_lps: [1, 0, 0], down_lps: [0, 0, -1], mm_per_px: 0.3, offset_px: [0, 0], eye_distance_mm: null });
    expect(stage.lastCamera).toMatchObject({ look: null, box: null, plane: null, edits: 0, moving: false });
    stage.facts();
    expect(stage.scene.state.name).toEqual({ kind: 'preset', name: 'ct_bone_vessels' });
    // The server draws that already.
    expect(stage.sent('camera')).toHaveLength(1);
  });

  it('gets the presets anew that span its values once it is whole', () => {
    stage.facts(false);
    const wider = { ...boneLook, lighting: null };
    stage.facts(true, [{ preset_id: 'ct_bone_vessels', group: 'vessels', look: wider }, ...presets.slice(1)]);
    expect(stage.scene.state.look).toEqual(wider);
    expect(stage.lastCamera['look']).toEqual(wider);
    // A look that the doctor changed stays.
    stage.scene.dragWindow(wider, { width: 100, center: 0 }, 1);
    stage.scene.keepLook();
    const own = stage.scene.state.look;
    stage.facts(true);
    expect(stage.scene.state.look).toBe(own);
  });

  it('turns by a drag, lightly while it moves and finely at its end', () => {
    const drag = new Drag(stage.scene, 'rotate', { x: 0, y: 0 });
    drag.move({ x: 50, y: 0 }, 1);
    expect(stage.lastCamera['moving']).toBe(true);
    drag.move({ x: 100, y: 0 }, 2);
    drag.end(3);
    expect(stage.lastCamera['moving']).toBe(false);
    // 200 canvas pixels are half of the shorter side: a quarter turn.
    pose().right_lps.forEach((part, axis) => expect(part).toBeCloseTo([0, -1, 0][axis] ?? NaN, 9));
  });

  it('goes back to the start with its projection kept', () => {
    stage.scene.setProjection('perspective', 1);
    stage.scene.orient(standardFrame('LAO', 30), 2);
    stage.scene.pan(30, 10, 3);
    stage.scene.resetPosition(4);
    expect(pose()).toMatchObject({ right_lps: [1, 0, 0], offset_px: [0, 0] });
    expect(pose().eye_distance_mm).toBeGreaterThan(0);
  });
});

describe('looks', () => {
  beforeEach(() => stage.facts());

  it('are dragged in one step, undone and done again', () => {
    const drag = new Drag(stage.scene, 'window', { x: 0, y: 0 });
    for (let x = 1; x <= 20; x += 1) drag.move({ x, y: x }, x);
    drag.end(30);
    const dragged = stage.scene.state.look;
    expect(stage.scene.state.looks.past).toHaveLength(1);
    expect(stage.scene.state.name).toBeNull();
    stage.scene.undoLook(31);
    expect(stage.lastCamera['look']).toEqual(boneLook);
    expect(stage.scene.state.name).toEqual({ kind: 'preset', name: 'ct_bone_vessels' });
    stage.scene.redoLook(32);
    expect(stage.scene.state.look).toBe(dragged);
    stage.scene.resetLook(33);
    expect(stage.scene.state.look).toEqual(boneLook);
  });

  it('change their mode by the presets of the volume', () => {
    stage.scene.setMode('mip', 1);
    expect(stage.lastCamera['look']).toEqual(mipLook);
    expect(stage.scene.state.name).toEqual({ kind: 'preset', name: 'ct_mip' });
    stage.scene.choosePreset('ct_bone_vessels', 2);
    expect(stage.lastCamera['look']).toEqual(boneLook);
  });

  it('of a minimum begin with a slab, which goes with them: through the whole body they would be black', () => {
    stage.scene.setMode('minip', 1);
    const slab = { low_index: [-0.5, 19.5, -0.5], high_index: [99.5, 79.5, 49.5], turn_deg: [0, 0, 0] };
    expect(stage.lastCamera).toMatchObject({ look: { mode: 'minip' }, box: slab });
    stage.scene.undoLook(2);
    expect(stage.lastCamera).toMatchObject({ look: boneLook, box: null });
    stage.scene.redoLook(3);
    expect(stage.lastCamera['box']).toEqual(slab);
    // Changed by hand it is the doctor's own, and stays; so does one that he had before.
    stage.scene.setCuts({ box: { ...slab, high_index: [99.5, 70, 49.5] } as never }, 4);
    stage.scene.choosePreset('ct_bone_vessels', 5);
    expect(stage.lastCamera['box']).toMatchObject({ high_index: [99.5, 70, 49.5] });
    stage.scene.setMode('minip', 6);
    expect(stage.lastCamera['box']).toMatchObject({ high_index: [99.5, 70, 49.5] });
    // One that is hidden comes back hidden.
    stage.scene.choosePreset('ct_bone_vessels', 7);
    stage.scene.toggleBox(8);
    stage.scene.setMode('minip', 9);
    expect(stage.lastCamera['box']).toEqual(slab);
    stage.scene.choosePreset('ct_bone_vessels', 10);
    expect(stage.lastCamera['box']).toBeNull();
    expect(stage.scene.state.cuts.present.box).toMatchObject({ high_index: [99.5, 70, 49.5] });
  });

  it('of one’s own are kept by name and modality, and only what the contract takes is read', () => {
    const saved = withLook([], { name: ' Hip ', modality: 'CT', look: boneLook });
    if ('fault' in saved) throw new Error(saved.fault);
    expect(saved.looks).toEqual([{ name: 'Hip', modality: 'CT', look: boneLook }]);
    const again = withLook(saved.looks, { name: 'Hip', modality: 'CT', look: mipLook });
    expect('looks' in again && again.looks).toEqual([{ name: 'Hip', modality: 'CT', look: mipLook }]);
    expect(readLooks(JSON.parse(JSON.stringify(saved.looks)))).toEqual(saved.looks);
    const foreign = [{ name: 'a', modality: 'CT', look: { ...boneLook, mode: 'x-ray' } }, { name: 'b', modality: 'CT', look: null }, null, 3, ...saved.looks];
    expect(readLooks(foreign)).toEqual(saved.looks);
    expect(readLooks({ not: 'a list' })).toEqual([]);
    expect(withLook([], { name: ' ', modality: 'CT', look: boneLook })).toEqual({ fault: 'noName' });
    expect(withLook([], { name: 'x'.repeat(65), modality: 'CT', look: boneLook })).toEqual({ fault: 'tooLong' });
    const large = { ...boneLook, tissues: Array.from({ length: 16 }, (_, at) => ({ ...boneLook.tissues[0]!, name: `${at}${'n'.repeat(60)}`, opacity: Array.from({ length: 64 }, (__, index): [number, number] => [index + 0.123456789012345, 0.1234567890123456]) })) };
    let looks = [] as ReturnType<typeof readLooks>;
    const faults: string[] = [];
    for (let number = 0; number < 5; number += 1) {
      const next = withLook(looks, { name: String(number), modality: 'CT', look: large });
      if ('fault' in next) faults.push(next.fault);
      else looks = next.looks;
    }
    expect(faults[0]).toBe('tooLarge');
    expect(withoutLook(saved.looks, saved.looks[0]!)).toEqual([]);
  });

  it('say which values are seen', () => {
    expect(visibleRange(boneLook, -1024, 1500).low).toBeCloseTo(150, -1);
    expect(visibleRange({ ...boneLook, mode: 'isosurface', iso_value: 300 }, -1024, 1500)).toEqual({ low: 300, high: 1500 });
    expect(visibleRange(mipLook, -1024, 1500).low).toBe(150);
  });
});

describe('cuts', () => {
  const table = { kind: 'table' } as const;

  it('are told once, and undo and redo only change their number', () => {
    stage.scene.cut(table, 1);
    expect(stage.sent('edit')).toEqual([{ type: 'edit', cell: 0, number: 1, step: table }]);
    expect(stage.lastCamera['edits']).toBe(1);
    // The edit goes before the picture that needs it.
    expect(stage.socket.sent.findIndex(({ type }) => type === 'edit')).toBeLessThan(stage.socket.sent.indexOf(stage.lastCamera));
    stage.scene.undo(2);
    expect(stage.lastCamera['edits']).toBe(0);
    stage.scene.redo(3);
    expect(stage.lastCamera['edits']).toBe(1);
    expect(stage.sent('edit')).toHaveLength(1);
  });

  it('in place of undone ones replace them, and what was restored all at once comes back', () => {
    const sphere = (radius: number) => ({ kind: 'sphere', centers_lps_mm: [[0, 0, 0]], radius_mm: radius, restore: false }) as const;
    const cut = (radius: number) => stage.scene.cut({ ...sphere(radius), centers_lps_mm: [[0, 0, 0]] }, radius);
    cut(1);
    cut(2);
    stage.scene.undo(3);
    cut(3);
    expect(stage.sent('edit').map(({ number }) => number)).toEqual([1, 2, 2]);
    stage.scene.restoreAll(4);
    expect(stage.lastCamera['edits']).toBe(0);
    cut(5);
    expect(stage.sent('edit').map(({ number }) => number)).toEqual([1, 2, 2, 1]);
    // Back to before all was restored: the server has lost these, so they are told again.
    stage.scene.undo(6);
    stage.scene.undo(7);
    expect(stage.sent('edit').slice(4).map(({ number, step }) => [number, (step as { radius_mm: number }).radius_mm])).toEqual([[1, 1], [2, 3]]);
    expect(stage.lastCamera['edits']).toBe(2);
  });

  it('come back after a loss of the connection', async () => {
    stage.scene.cut(table, 1);
    stage.socket.drop(1006);
    await stage.clock.pass(600);
    stage.socket.welcome();
    const types = stage.socket.sent.map(({ type }) => type).filter((type) => type !== 'hello');
    expect(types).toEqual(['open_volume', 'edit', 'camera']);
    expect(stage.lastCamera['edits']).toBe(1);
  });

  const refusal = (revision: number, edit: number | null): Record<string, unknown> => ({ type: 'view_error', cell: 0, revision, code: 'unprocessable', message: 'There is no table.', numbers: [], image: null, edit });
  const object: Step = { kind: 'object', p_lps_mm: [0, 0, 0], low: 1, high: 2, keep: false };

  it('that the server refuses are taken back in words', async () => {
    const stop = takeBackRefused(stage.scene, stage.hands);
    await stage.picture();
    stage.scene.cut(table, 1);
    stage.socket.say(refusal(stage.scene.cell.lastSent, 1));
    expect(stage.scene.state.cuts.present.steps).toEqual([]);
    expect(stage.scene.state.cuts.past).toEqual([]);
    expect(stage.scene.state.cuts.future).toEqual([]);
    expect(stage.hands.state.notice).toMatchObject({ code: 'refused', words: { code: 'unprocessable', text: 'There is no table.' } });
    expect(stage.lastCamera['edits']).toBe(0);
    stop();
  });

  it('that the server refuses go alone, whatever was done since', async () => {
    const stop = takeBackRefused(stage.scene, stage.hands);
    await stage.picture();
    stage.scene.cut(object, 1);
    stage.scene.cut(table, 2);
    const { lastSent } = stage.scene.cell;
    stage.scene.cut({ ...object, keep: true }, 3);
    stage.scene.toggleBox(4);
    stage.socket.say(refusal(lastSent, 2));
    expect(stage.scene.state.cuts.present).toMatchObject({ steps: [object, { ...object, keep: true }], boxOn: true });
    expect(stage.lastCamera['edits']).toBe(2);
    expect(stage.sent('edit').at(-1)).toMatchObject({ number: 2, step: { keep: true } });
    stage.scene.undo(5);
    stage.scene.undo(6);
    expect(stage.scene.state.cuts.present).toMatchObject({ steps: [object], boxOn: false });
    stage.scene.undo(7);
    expect(stage.scene.state.cuts.present.steps).toEqual([]);
    expect(stage.scene.state.cuts.past).toEqual([]);
    stop();
  });

  it('stay when it is not they that are refused', async () => {
    const stop = takeBackRefused(stage.scene, stage.hands);
    await stage.picture();
    stage.scene.cut(object, 1);
    stage.socket.say(refusal(stage.scene.cell.lastSent, null));
    expect(stage.scene.state.cuts.present.steps).toEqual([object]);
    stop();
  });

  it('have as many points together as the contract takes', () => {
    const stroke: Step = { kind: 'sphere', centers_lps_mm: Array.from({ length: 256 }, (_, at) => [at, 0, 0] as const), radius_mm: 1, restore: false };
    let count = 0;
    while (stage.scene.cut({ ...stroke }, 1)) count += 1;
    expect(count).toBe(Math.floor(16_000 / 256));
    expect(stage.scene.cut(table, 2)).toBe(true);
  });

  it('by an outline take canvas pixels and the camera of its end; Esc drops one', () => {
    stage.scene.bind('left', 'cutInside');
    for (const [x, y] of [[10, 10], [100, 10], [100, 90]] as const) stage.hands.click({ x, y }, 1);
    expect(key('Escape')).toBe(true);
    expect(stage.sent('edit')).toHaveLength(0);
    expect(stage.scene.state.bindings.left).toBe('cutInside');
    for (const [x, y] of [[10, 10], [100, 10], [100, 90], [12, 12]] as const) stage.hands.click({ x, y }, 1);
    expect(stage.sent('edit')[0]?.['step']).toEqual({ kind: 'polygon', pose: pose(), points: [[20, 20], [200, 20], [200, 180]], inside: true });
    stage.scene.bind('left', 'cutOutside');
    for (const [x, y] of [[10, 10], [100, 10], [100, 90], [100, 90]] as const) stage.hands.click({ x, y }, 1);
    stage.hands.doubleClick(2);
    expect(stage.sent('edit')[1]?.['step']).toMatchObject({ points: [[20, 20], [200, 20], [200, 180]], inside: false });
  });

  it('by the box are one step for a whole drag', () => {
    stage.scene.toggleBox(1);
    expect(stage.lastCamera['box']).toEqual({ low_index: [-0.5, -0.5, -0.5], high_index: [99.5, 99.5, 49.5], turn_deg: [0, 0, 0] });
    stage.scene.setCuts({}, 2);
    for (let end = 98; end > 50; end -= 1) stage.scene.dragCuts({ box: { low_index: [-0.5, -0.5, -0.5], high_index: [end, 99.5, 49.5] } }, end);
    stage.scene.undo(3);
    expect(stage.lastCamera['box']).toEqual({ low_index: [-0.5, -0.5, -0.5], high_index: [99.5, 99.5, 49.5], turn_deg: [0, 0, 0] });
    stage.scene.undo(4);
    expect(stage.lastCamera['box']).toBeNull();
  });

  it('of objects and spheres go where the model was picked', async () => {
    stage.facts();
    stage.scene.bind('left', 'keepObject');
    stage.hands.click({ x: 5, y: 6 }, 1);
    expect(stage.sent('ask')[0]?.['what']).toEqual({ kind: 'pick', x_px: 10, y_px: 12 });
    await stage.answer([1, 2, 3]);
    expect(stage.sent('edit')[0]?.['step']).toMatchObject({ kind: 'object', p_lps_mm: [1, 2, 3], keep: true, high: 1500 });
    stage.scene.bind('left', 'restoreSphere');
    stage.hands.brush('start', { x: 5, y: 6 }, 1);
    await stage.answer([0, 0, 0]);
    stage.hands.brush('move', { x: 8, y: 6 }, 2);
    await stage.answer([4, 0, 0]);
    stage.hands.brush('move', { x: 9, y: 6 }, 2);
    await stage.answer([4.1, 0, 0]);
    stage.hands.brush('end', { x: 9, y: 6 }, 3);
    await stage.answer([4.2, 0, 0]);
    expect(stage.sent('edit')[1]?.['step']).toEqual({ kind: 'sphere', centers_lps_mm: [[0, 0, 0], [4, 0, 0]], radius_mm: 10, restore: true });
  });
});

describe('picking', () => {
  it('brings a point to the middle, and says where nothing is', async () => {
    stage.scene.bind('left', 'center');
    stage.hands.click({ x: 1, y: 1 }, 1);
    await stage.answer(null);
    expect(stage.hands.state.notice?.code).toBe('nothingThere');
    stage.hands.click({ x: 1, y: 1 }, 2);
    await stage.answer([10, -20, 30]);
    expect(pose().target_lps_mm).toEqual([10, -20, 30]);
    stage.scene.bind('left', 'select');
    stage.hands.click({ x: 1, y: 1 }, 3);
    await stage.answer([7, 8, 9]);
    expect(stage.selected).toEqual([[7, 8, 9]]);
  });

  it('waits for a cut that is being made', async () => {
    const picked = stage.hands.pick({ x: 1, y: 1 });
    const question = stage.sent('ask')[0]?.['question'];
    stage.socket.say({ type: 'ask_error', cell: 0, question, code: 'cut_in_work', message: 'Still being made.' });
    await settle();
    await stage.clock.pass(200);
    expect(stage.sent('ask')).toHaveLength(2);
    await stage.answer([1, 1, 1]);
    expect(await picked).toEqual([1, 1, 1]);
  });

  it('measures between points of the patient', async () => {
    stage.scene.bind('left', 'line');
    stage.hands.click({ x: 1, y: 1 }, 1);
    await stage.answer([0, 0, 0]);
    expect(stage.scene.state.draft?.points).toEqual([[0, 0, 0]]);
    stage.hands.click({ x: 9, y: 1 }, 2);
    await stage.answer([3, 4, 12]);
    expect(stage.scene.state.measurements).toMatchObject([{ kind: 'line', points: [[0, 0, 0], [3, 4, 12]] }]);
    expect(stage.scene.state.draft).toBeNull();
    expect(key('Delete')).toBe(true);
    expect(stage.scene.state.measurements).toEqual([]);
    stage.scene.bind('left', 'polyline');
    for (const x of [0, 5, 9]) {
      stage.hands.click({ x, y: 1 }, 3);
      await stage.answer([x, 0, 0]);
    }
    expect(key('Enter')).toBe(true);
    expect(stage.scene.state.measurements[0]?.points).toHaveLength(3);
  });
});

describe('keys', () => {
  it('turn by five degrees, move, zoom, and choose tools', () => {
    expect(key('ArrowRight')).toBe(true);
    expect(pose().right_lps[0]).toBeCloseTo(Math.cos((5 * Math.PI) / 180), 9);
    key('0');
    key('ArrowRight', { shiftKey: true });
    expect(pose().offset_px).toEqual([40, 0]);
    key('+');
    expect(pose().mm_per_px).toBeCloseTo(0.3 / 1.1, 9);
    expect(key('x')).toBe(true);
    expect(stage.scene.state.bindings.left).toBe('cutInside');
    key('Escape');
    expect(stage.scene.state.bindings.left).toBe('rotate');
    expect(key('q')).toBe(false);
  });

  it('let the model turn by itself and stop it', async () => {
    key(' ');
    expect(stage.scene.state.playing).toBe(true);
    await stage.clock.pass(1000);
    const [x = 0, y = 0] = pose().right_lps;
    // 30° a second.
    expect((Math.atan2(y, x) * 180) / Math.PI).toBeCloseTo(30, -1);
    expect(stage.lastCamera['moving']).toBe(true);
    key('Escape');
    expect(stage.scene.state.playing).toBe(false);
    expect(stage.lastCamera['moving']).toBe(false);
    const at = stage.sent('camera').length;
    await stage.clock.pass(500);
    expect(stage.sent('camera')).toHaveLength(at);
  });
});

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { eventSocket } from '../../../shared/events/eventSocket';
import { decodeFrame } from '../../../shared/protocol/frame';
import type { PlaneView, VolumeOpened } from '../../../shared/protocol/messages';
import { ViewerController } from '../../control/viewer';
import { canvasOfPlane, planeKinds, positionMm } from '../../model/plane';
import { planeOf } from '../../model/crossing';
import { FakeClock, FakeSocket, packedFrame } from '../../testing/fakes';
import { beginDrag, gripAt } from '../input/drag';
import { handleMprKey } from '../input/keys';
import { cellNumbers, type WindowKind } from '../model/state';
import { MprController } from './mpr';

let clock: FakeClock;
let socket: FakeSocket;
let viewer: ViewerController;
let mpr: MprController;
let leave: () => void;

const size = { widthPx: 600, heightPx: 400, perCss: 1, deviceRatio: 1 };
const opened = (cell: number, volume = 0): object => ({
  type: 'volume_opened',
  cell,
  series_id: 7,
  volume,
  volumes: [{ number: 0, label: { code: 'axial', text: 'Axial', numbers: [], texts: [] } }],
  shape: [100, 200, 200],
  lps_from_index: [1, 0, 0, -100, 0, 1, 0, -100, 0, 0, 2, -100],
  modality: 'CT',
  letters: true,
  warnings: [],
});
const planes = (): PlaneView[] => socket.sent.filter((message) => message['type'] === 'plane') as unknown as PlaneView[];
/** Which windows asked for a picture since the last look. */
const asked = (): number[] => {
  const found = [...new Set(planes().map(({ cell }) => cell))].sort();
  socket.sent.length = 0;
  return found;
};
const answer = async (kind: WindowKind, sequence = 1, still = true): Promise<void> => {
  const cell = viewer.volumeCells[cellNumbers[kind]];
  await cell?.take(decodeFrame(packedFrame({ cell: cellNumbers[kind], instanceId: 0, revision: cell.lastSent, sequence, still })));
};

beforeEach(async () => {
  vi.spyOn(eventSocket, 'onEvent').mockImplementation(() => () => undefined);
  clock = new FakeClock();
  viewer = new ViewerController({
    clock,
    fetchTicket: () => Promise.resolve('ticket'),
    createSocket: (ticket) => (socket = new FakeSocket(ticket)),
    onFrame: (run) => run(),
    decode: () => Promise.resolve({ close: () => undefined } as ImageBitmap),
  });
  viewer.start();
  await clock.pass(0);
  socket.welcome();
  viewer.setMode('mpr');
  mpr = new MprController(viewer, () => undefined);
  leave = mpr.start();
  for (const number of Object.values(cellNumbers)) viewer.volumeCell(number).resize(size);
  mpr.open(7, 0);
  for (const number of Object.values(cellNumbers)) socket.say(opened(number));
});

describe('opening', () => {
  it('asks for three planes through the middle voxel and the volume, once it is known where that is', () => {
    const types = socket.types.filter((type) => type === 'open_volume' || type === 'plane' || type === 'camera');
    expect(types.slice(0, 4)).toEqual(['open_volume', 'open_volume', 'open_volume', 'open_volume']);
    expect(types).toContain('camera');
    expect(mpr.state.planes?.crossing).toEqual([0, 0, 0]);
    expect(planes().find(({ cell }) => cell === cellNumbers.axial)).toMatchObject({ right_lps: [1, 0, 0], down_lps: [0, 1, 0], slab: 'plane' });
    expect(asked()).toEqual([0, 1, 2]);
  });

  it('begins at the point that was picked on the volume', () => {
    leave();
    viewer.handOver([20, -30, 40]);
    mpr = new MprController(viewer, () => undefined);
    leave = mpr.start();
    mpr.open(7, 0);
    socket.say(opened(0));
    expect(mpr.state.planes?.crossing).toEqual([20, -30, 40]);
  });

  it('is as it was left when the doctor comes back from images or from 3D', () => {
    const window = { kind: 'values', center: 40, width: 400 } as const;
    mpr.setKeepSquare(false, 1);
    mpr.turnBy('axial', 20, 1);
    mpr.move([12, 7, -30], 1, false);
    mpr.setSlab('minip', 1);
    mpr.setThickness(14, 1, false);
    mpr.setWindow(window, 'mediastinum', 1, false);
    mpr.setInterpolation('nearest', 1);
    mpr.setLayout('row');
    mpr.flip('horizontal', 1);
    mpr.volume.roll(30, 1);
    mpr.togglePlay();
    const left = { ...mpr.state, playing: null };
    const { camera } = mpr.volume.store.get();
    leave();
    viewer.setMode('volume');
    viewer.setMode('mpr');
    // Left again before the volume answered, nothing is lost either.
    for (const answers of [false, true]) {
      mpr = new MprController(viewer, () => undefined);
      leave = mpr.start();
      mpr.open(7);
      if (!answers) leave();
    }
    asked();
    for (const number of Object.values(cellNumbers)) socket.say(opened(number));
    expect(mpr.state).toEqual(left);
    expect(mpr.volume.store.get().camera).toEqual(camera);
    const wish = planes().find(({ cell }) => cell === cellNumbers.axial);
    expect(wish).toMatchObject({ slab: 'minip', thickness_mm: 14, interpolation: 'nearest', window });
    expect(wish?.right_lps[0]).toBeLessThan(-0.9);
    expect(asked()).toEqual([0, 1, 2]);
    // A point that was picked in 3D moves the crossing of the planes that are kept.
    leave();
    viewer.handOver([20, -30, 40]);
    mpr = new MprController(viewer, () => undefined);
    leave = mpr.start();
    mpr.open(7);
    socket.say(opened(0));
    expect(mpr.state.planes?.crossing).toEqual([20, -30, 40]);
    expect(mpr.state.planes?.frames).toEqual(left.planes?.frames);
  });

  it('a reload shows the same planes, slab, window and layout; anything bad in them begins anew', () => {
    mpr.open(7);
    for (const number of Object.values(cellNumbers)) socket.say(opened(number));
    mpr.move([12, 7, -30], 1, false);
    mpr.setSlab('mip', 1);
    mpr.setThickness(14, 1, false);
    mpr.setLayout('row');
    mpr.setWindow({ kind: 'values', center: 40, width: 400, function: 'LINEAR' }, 'mediastinum', 1, false);
    mpr.flip('horizontal', 1);
    mpr.volume.roll(30, 1);
    const left = mpr.state;
    const { camera } = mpr.volume.store.get();
    const text = JSON.stringify(viewer.sections.all());

    const again = (json: string): MprController => {
      leave();
      viewer.setMode('image');
      viewer = new ViewerController({ clock, fetchTicket: () => Promise.resolve('ticket'), createSocket: () => new FakeSocket(''), onFrame: (run) => run(), decode: () => Promise.reject(new Error()) });
      viewer.sections.restore(JSON.parse(json) as Record<string, unknown>);
      viewer.setMode('mpr');
      const next = new MprController(viewer, () => undefined);
      leave = next.start();
      next.open(7);
      for (const number of Object.values(cellNumbers)) viewer.volumeCell(number).opened(opened(number) as VolumeOpened);
      return next;
    };
    const next = again(text);
    expect(next.state).toEqual(left);
    expect(next.volume.store.get().camera).toEqual(camera);
    for (const [good, bad] of [['"layout":"row"', '"layout":"heap"'], ['"thicknessMm":14', '"thicknessMm":1e9'], ['"width":400', '"width":0'], ['"order":["axial"', '"order":["volume"'], ['"crossing":[12,', '"crossing":["12",']] as const) {
      expect(text).toContain(good);
      expect(again(text.replace(good, bad)).state.layout).toBe('grid');
    }
    // A volume that is another one now keeps the crossing inside.
    expect(again(text.replace('"crossing":[12,', '"crossing":[90000,')).state.planes?.crossing[0]).toBe(99);
  });

  it('coming back to the second volume of a series shows that; another series begins anew in the same layout', () => {
    mpr.open(7, 1);
    socket.say(opened(0, 1));
    mpr.move([12, 7, -30], 1, false);
    mpr.setSlab('mip', 1);
    mpr.setLayout('large');
    mpr.setWindow({ kind: 'values', center: 40, width: 400 }, 'mediastinum', 1, false);
    leave();
    mpr = new MprController(viewer, () => undefined);
    leave = mpr.start();
    socket.sent.length = 0;
    mpr.open(7);
    expect(socket.sent.filter(({ type }) => type === 'open_volume').map(({ volume }) => volume)).toEqual([1, 1, 1, 1]);
    socket.say(opened(0, 1));
    expect(mpr.state.planes?.crossing).toEqual([12, 7, -30]);
    leave();
    mpr = new MprController(viewer, () => undefined);
    leave = mpr.start();
    mpr.open(8);
    socket.say({ ...opened(0), series_id: 8 });
    expect(mpr.state).toMatchObject({ presetId: null, window: { kind: 'recommended' }, slab: 'mip', layout: 'large' });
    expect(mpr.state.planes?.crossing).toEqual([0, 0, 0]);
  });

  it('holds nothing any more when it is left', () => {
    socket.sent.length = 0;
    leave();
    expect(socket.types).toEqual(['close', 'close', 'close', 'close']);
  });

  it('another volume begins in its middle with its own window', () => {
    mpr.setWindow({ kind: 'values', center: 40, width: 400 }, 'mediastinum', 1, false);
    mpr.move([10, 10, 10], 1, false);
    mpr.open(7, 1);
    expect(mpr.state).toMatchObject({ planes: null, presetId: null, window: { kind: 'recommended' } });
    asked();
    socket.say(opened(0, 1));
    expect(mpr.state.planes?.crossing).toEqual([0, 0, 0]);
    expect(asked()).toEqual([0]);
  });
});

describe('what changes', () => {
  beforeEach(() => void asked());

  it('asks only for the planes whose picture changes', () => {
    mpr.move([0, 0, 20], 1, false);
    expect(asked()).toEqual([cellNumbers.axial]);
    mpr.move([15, -20, 20], 1, false);
    expect(asked()).toEqual([cellNumbers.coronal, cellNumbers.sagittal]);
    mpr.scroll('coronal', 1, 1);
    expect(asked()).toEqual([cellNumbers.coronal]);
    const { planes: before } = mpr.state;
    if (before !== null) mpr.turn(before, 'axial', 10, null, 1, false);
    expect(asked()).toEqual([cellNumbers.coronal, cellNumbers.sagittal]);
    mpr.toggleLines();
    mpr.point([0, 0, 0]);
    expect(asked()).toEqual([]);
  });

  it('the window is common to all planes; a zoom is one plane’s own', () => {
    mpr.setWindow({ kind: 'full_dynamic' }, null, 1, false);
    expect(asked()).toEqual([0, 1, 2]);
    mpr.setLook('sagittal', { ...mpr.state.looks.sagittal, zoom: 3 }, 1, false);
    expect(asked()).toEqual([cellNumbers.sagittal]);
  });

  it('a thickness makes a slab of a plane, and a plane has none', () => {
    mpr.setThickness(12.34, 1, false);
    expect(planes().at(-1)).toMatchObject({ slab: 'mip', thickness_mm: 12.3 });
    mpr.setSlab('plane', 1);
    expect(planes().at(-1)).toMatchObject({ slab: 'plane', thickness_mm: 0 });
    asked();
    mpr.setThickness(0, 1, false);
    mpr.setSlab('aip', 1);
    expect(mpr.state.thicknessMm).toBeGreaterThan(0);
  });

  it('freed planes are made square again by the lock', () => {
    mpr.setKeepSquare(false, 1);
    const { planes: before } = mpr.state;
    if (before !== null) mpr.turn(before, 'axial', 20, 'coronal', 1, false);
    expect(asked()).toEqual([cellNumbers.coronal]);
    mpr.setKeepSquare(true, 1);
    expect(asked()).not.toEqual([]);
  });

  it('a reset goes back to the straight planes through the middle', () => {
    mpr.move([20, 20, 20], 1, false);
    mpr.setSlab('mip', 1);
    mpr.setKeepSquare(false, 1);
    mpr.resetPosition(1);
    expect(mpr.state.keepSquare).toBe(false);
    expect(mpr.state.planes?.crossing).toEqual([0, 0, 0]);
    expect(mpr.state.slab).toBe('mip');
    mpr.resetAll(1);
    expect(mpr.state.slab).toBe('plane');
    expect(mpr.state.keepSquare).toBe(true);
  });

  it('a window that is not on the page asks for nothing, and for all it missed when it comes back', () => {
    mpr.toggleEnlarged('axial');
    asked();
    mpr.move([10, 10, 10], 1, false);
    expect(asked()).toEqual([cellNumbers.axial]);
    mpr.toggleEnlarged('axial');
    expect(asked()).toEqual([cellNumbers.coronal, cellNumbers.sagittal]);
  });

  it('choosing a plane for a window swaps it with the window that shows it', () => {
    mpr.choose('axial', 'coronal');
    expect(mpr.state.order).toEqual(['coronal', 'sagittal', 'axial', 'volume']);
    expect(mpr.state.active).toBe('coronal');
  });
});

describe('dragging on a window', () => {
  const at = (x: number, y: number) => ({ x, y });
  const crossing = (): { x: number; y: number } => {
    const view = mpr.view('axial');
    return view === null || mpr.state.planes === null ? { x: 0, y: 0 } : canvasOfPlane(view, mpr.state.planes.crossing);
  };

  it('takes the crossing along, as far from the pointer as it was', () => {
    const from = crossing();
    const drag = beginDrag(mpr, 'axial', at(from.x + 5, from.y), gripAt(mpr, 'axial', at(from.x + 5, from.y), false), 'crossing');
    drag?.move(at(from.x + 65, from.y + 30), 1);
    expect(crossing().x).toBeCloseTo(from.x + 60, 6);
    expect(crossing().y).toBeCloseTo(from.y + 30, 6);
    drag?.end(2);
  });

  it('a line shifts its plane', () => {
    const from = crossing();
    const grip = gripAt(mpr, 'axial', at(from.x + 100, from.y), false);
    expect(grip).toEqual({ part: 'line', kind: 'coronal' });
    const before = mpr.state.planes === null ? 0 : positionMm(planeOf(mpr.state.planes, 'coronal'));
    beginDrag(mpr, 'axial', at(from.x + 100, from.y), grip, 'crossing')?.move(at(from.x + 130, from.y + 40), 1);
    const after = mpr.state.planes === null ? 0 : positionMm(planeOf(mpr.state.planes, 'coronal'));
    expect(after - before).toBeCloseTo(40 / (mpr.view('axial')?.zoom ?? 1), 6);
    expect(crossing().x).toBeCloseTo(from.x, 6);
  });

  it('a ring turns both lines about the crossing, or one alone where planes are freed', () => {
    const from = crossing();
    const grip = { part: 'ring' as const, kind: 'coronal' as const };
    const drag = beginDrag(mpr, 'axial', at(from.x + 100, from.y), grip, 'crossing');
    drag?.move(at(from.x, from.y + 100), 1);
    expect(mpr.state.planes?.frames.coronal.normal.map(Math.round)).toEqual([-1, 0, 0]);
    expect(mpr.state.planes?.frames.sagittal.normal.map(Math.round).map((value) => value + 0)).toEqual([0, -1, 0]);
    drag?.move(at(from.x + 100, from.y), 1);
    expect(mpr.state.planes?.frames.coronal.normal.map(Math.round).map((value) => value + 0)).toEqual([0, 1, 0]);
  });

  it('a dotted line sets the thickness from its distance to the plane', () => {
    const from = crossing();
    mpr.setSlab('aip', 1);
    beginDrag(mpr, 'axial', at(from.x + 100, from.y + 10), { part: 'slab', kind: 'coronal' }, 'crossing')?.move(at(from.x + 90, from.y + 30), 1);
    expect(mpr.state.thicknessMm).toBeCloseTo((2 * 30) / (mpr.view('axial')?.zoom ?? 1), 0);
    expect(mpr.state.slab).toBe('aip');
  });

  it('beside the crossing and its lines moves nothing: only a click brings the crossing', () => {
    expect(gripAt(mpr, 'axial', at(100, 100), false)).toBeNull();
    expect(beginDrag(mpr, 'axial', at(100, 100), null, 'crossing')).toBeNull();
  });

  it('is taken back as a whole, and notches of the wheel together', () => {
    const { planes: start } = mpr.state;
    const from = crossing();
    const drag = beginDrag(mpr, 'axial', from, { part: 'crossing' }, 'crossing');
    for (const step of [10, 20, 30]) drag?.move(at(from.x + step, from.y), step);
    drag?.end(40);
    const { planes: dragged } = mpr.state;
    for (const time of [1000, 1200, 1400]) mpr.scroll('axial', 1, time);
    expect(mpr.undo(1500)).toBe(true);
    expect(mpr.state.planes).toBe(dragged);
    mpr.setWindow({ kind: 'full_dynamic' }, null, 1600, false);
    mpr.resetPosition(1700);
    mpr.undo(1800);
    expect(mpr.state.planes).toBe(dragged);
    expect(mpr.state.window.kind).toBe('full_dynamic');
    asked();
    mpr.undo(1900);
    expect(mpr.state.planes).toBe(start);
    expect(asked()).toEqual([cellNumbers.sagittal]);
    expect(mpr.undo(2000)).toBe(false);
    mpr.redo(2100);
    expect(mpr.state.planes).toBe(dragged);
  });

  it('moving asks for light pictures, the end for a still one', async () => {
    const from = crossing();
    const drag = beginDrag(mpr, 'axial', from, { part: 'crossing' }, 'crossing');
    drag?.move(at(from.x + 20, from.y + 30), 1);
    expect(planes().at(-1)?.moving).toBe(true);
    drag?.end(2);
    for (const kind of planeKinds.slice(1)) {
      const last = planes().filter(({ cell }) => cell === cellNumbers[kind]).at(-1);
      expect([kind, last?.moving]).toEqual([kind, false]);
    }
    await answer('coronal');
    expect(mpr.cell('coronal').state.shown?.wish?.look.view.plane.kind).toBe('coronal');
  });
});

describe('keys', () => {
  const deeds = { exportPicture: () => undefined, openKeys: () => undefined };
  const press = (key: string, more: KeyboardEventInit = {}): boolean => handleMprKey(new KeyboardEvent('keydown', { key, ...more }), mpr, deeds);

  it('arrows move the crossing by a voxel along the canvas, with Alt they turn by a degree', () => {
    press('ArrowRight');
    press('ArrowDown');
    expect(mpr.state.planes?.crossing).toEqual([1, 1, 0]);
    mpr.activate('coronal');
    press('ArrowUp');
    expect(mpr.state.planes?.crossing).toEqual([1, 1, 2]);
    press('ArrowRight', { altKey: true });
    const normal = mpr.state.planes?.frames.axial.normal ?? [0, 0, 0];
    expect((Math.acos(normal[2]) * 180) / Math.PI).toBeCloseTo(1, 6);
  });

  it('page keys scroll the active plane, and leave what they do not know', () => {
    press('PageDown');
    expect(mpr.state.planes?.crossing).toEqual([0, 0, 2]);
    press('End');
    expect(mpr.state.planes?.crossing).toEqual([0, 0, 98]);
    expect(press('q')).toBe(false);
    expect(press('ArrowLeft', { ctrlKey: true })).toBe(false);
    expect(press('z', { ctrlKey: true })).toBe(true);
    press('z', { ctrlKey: true });
    expect(mpr.state.planes?.crossing).toEqual([0, 0, 0]);
    expect(press('y', { ctrlKey: true })).toBe(true);
  });
});

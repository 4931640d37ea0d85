import { beforeEach, describe, expect, it } from 'vitest';
import { decodeFrame, type Frame } from '../../shared/protocol/frame';
import type { View } from '../../shared/protocol/messages';
import { ToolDrag, zoomCell } from '../input/drag';
import { FakeClock, type FrameFields, packedFrame } from '../testing/fakes';
import { seriesDetail } from '../testing/series';
import { CellController } from './cell';

class FakeBitmap {
  closed = false;
  close(): void {
    this.closed = true;
  }
}

let clock: FakeClock;
let views: View[];
let opened: number[];
let acks: number[];
let frames: (() => void)[];
let bitmaps: FakeBitmap[];
let decode: (bitmap: FakeBitmap) => Promise<FakeBitmap>;
let cell: CellController;

const nextFrame = (): void => {
  for (const run of frames.splice(0)) run();
};
const last = (): View => views[views.length - 1] as View;
const frame = (fields: FrameFields): Frame => decodeFrame(packedFrame(fields));

beforeEach(() => {
  clock = new FakeClock();
  views = [];
  opened = [];
  acks = [];
  frames = [];
  bitmaps = [];
  decode = (bitmap) => Promise.resolve(bitmap);
  cell = new CellController(0, {
    openCell: (_cell, seriesId) => opened.push(seriesId),
    closeCell: () => opened.push(-1),
    sendView: (view) => views.push(view),
    acknowledge: (sequence) => acks.push(sequence),
    generation: () => 1,
    clock,
    onFrame: (run) => frames.push(run),
    decode: () => {
      const bitmap = new FakeBitmap();
      bitmaps.push(bitmap);
      return decode(bitmap) as unknown as Promise<ImageBitmap>;
    },
  });
  cell.resize({ widthPx: 1024, heightPx: 768, perCss: 1, deviceRatio: 1 });
});

describe('opening a series', () => {
  it('asks as soon as the window has a size, not an animation frame later', () => {
    const bare = new CellController(1, {
      openCell: () => undefined,
      closeCell: () => undefined,
      sendView: (view) => views.push(view),
      acknowledge: () => undefined,
      generation: () => 1,
      clock,
      onFrame: (run) => frames.push(run),
      decode: () => Promise.reject(new Error('no picture comes')),
    });
    bare.setSeries(7, null);
    expect(views).toEqual([]);
    bare.resize({ widthPx: 640, heightPx: 480, perCss: 1, deviceRatio: 1 });
    expect(views.map((view) => [view.cell, view.width_px])).toEqual([[1, 640]]);
  });

  it('asks at once for the first image, fitted, with its own window', () => {
    cell.setSeries(7, null);
    expect(opened).toEqual([7]);
    expect(last()).toEqual({
      type: 'view',
      cell: 0,
      revision: 1,
      image: null,
      width_px: 1024,
      height_px: 768,
      window: { kind: 'recommended', index: 0, scope: 'series' },
      zoom: null,
      center_x: null,
      center_y: null,
      rotation_deg: 0,
      flip_horizontal: false,
      invert: false,
      interpolation: 'bilinear',
      colours: 'grey',
      overlays: true,
      shutters: true,
      moving: false,
    });
  });

  it('drops a late picture of the series that was there before', async () => {
    cell.setSeries(7, seriesDetail(10));
    const late = frame({ revision: cell.state.navigation.revision, sequence: 1, still: true });
    cell.setSeries(8, null);
    await cell.take(late);
    expect(cell.state.shown).toBeNull();
    expect(acks).toEqual([1]);
  });

  it('stays with the image that is shown when more images arrive before it', async () => {
    cell.setSeries(7, null);
    await cell.take(frame({ revision: 1, sequence: 1, still: true, instanceId: 104 }));
    cell.setDetail(seriesDetail(10));
    expect(cell.index).toBe(4);
    cell.setDetail(seriesDetail(12));
    expect(opened).toEqual([7, 7]); // the server is told to count again
    expect(cell.index).toBe(4);
  });
});

describe('sending views', () => {
  beforeEach(() => {
    cell.setSeries(7, seriesDetail(50));
    nextFrame();
    views.length = 0;
  });

  it('sends the first change at once and what follows once an animation frame', () => {
    cell.goTo(1, 1, true);
    cell.goTo(2, 2, true);
    cell.goTo(3, 3, true);
    expect(views.map((view) => view.image?.instance_id)).toEqual([101]);
    nextFrame();
    expect(views.map((view) => view.image?.instance_id)).toEqual([101, 103]);
    nextFrame();
    expect(views).toHaveLength(2);
  });

  it('counts revisions upwards', () => {
    cell.goTo(1, 1, true);
    nextFrame();
    cell.goTo(2, 1, true);
    nextFrame();
    expect((views[1]?.revision ?? 0) > (views[0]?.revision ?? 0)).toBe(true);
  });

  it('asks for the full picture when the wheel rests', async () => {
    cell.goTo(1, 1, true);
    expect(last().moving).toBe(true);
    nextFrame();
    await clock.pass(249);
    expect(last().moving).toBe(true);
    await clock.pass(1);
    expect(last()).toMatchObject({ moving: false, image: { instance_id: 101, frame_number: 1 } });
  });

  it('asks for nothing when the full picture came by itself', async () => {
    cell.goTo(1, 1, true);
    await cell.take(frame({ revision: last().revision, sequence: 1, still: true, instanceId: 101 }));
    await clock.pass(1000);
    expect(views).toHaveLength(1);
    expect(cell.state.navigation.moving).toBe(false);
  });

  it('moves for the whole drag and rests at its end', async () => {
    const drag = new ToolDrag(cell, 'window', { x: 100, y: 100 }, { width: 1024, height: 768 });
    drag.move({ x: 130, y: 100 }, 1);
    nextFrame();
    await clock.pass(2000);
    expect(last()).toMatchObject({ moving: true, window: { kind: 'values', width: 386.81, center: 50 } });
    drag.end(2);
    expect(last().moving).toBe(false);
  });

  it('a click without a move sends nothing', () => {
    new ToolDrag(cell, 'window', { x: 100, y: 100 }, { width: 1024, height: 768 }).end(1);
    expect(views).toEqual([]);
  });

  it('does not go beyond the ends of the series', () => {
    expect(cell.goTo(-5, 1, false)).toBe(true); // from "the first" to the first by name
    expect(cell.goTo(-5, 1, false)).toBe(false);
    cell.goTo(1000, 1, false);
    expect(cell.index).toBe(49);
  });
});

describe('tools', () => {
  const box = { width: 1024, height: 768 };

  beforeEach(() => {
    cell.setSeries(7, seriesDetail(50));
    nextFrame();
  });

  it('pan moves by canvas pixels and keeps the zoom', () => {
    const drag = new ToolDrag(cell, 'pan', { x: 0, y: 0 }, box);
    drag.move({ x: 150, y: 30 }, 1);
    expect(cell.state.presentation).toMatchObject({ zoom: 1.5, centerX: 156, centerY: 236 });
  });

  it('zoom by the wheel keeps the point under the pointer', () => {
    zoomCell(cell, { x: 512, y: 384 }, 2, 1);
    expect(cell.state.presentation).toMatchObject({ zoom: 3, centerX: 256, centerY: 256 });
  });

  it('scroll follows the drag, and goes back when the hand does', () => {
    const drag = new ToolDrag(cell, 'scroll', { x: 0, y: 0 }, box); // 12.288 px an image
    drag.move({ x: 0, y: 62 }, 1);
    expect(cell.index).toBe(5);
    drag.move({ x: 0, y: 0 }, 2);
    expect(cell.index).toBe(0);
  });

  it('free rotation turns with the pointer round the middle', () => {
    const drag = new ToolDrag(cell, 'rotate', { x: 812, y: 384 }, box);
    drag.move({ x: 512, y: 684 }, 1);
    expect(cell.state.presentation.rotationDeg).toBe(90);
  });

  it('W/L leaves colour alone', () => {
    const colour = seriesDetail(2, 9);
    colour.frames.forEach((one) => (one.photometric_interpretation = 'RGB'));
    cell.setSeries(9, colour);
    new ToolDrag(cell, 'window', { x: 0, y: 0 }, box).move({ x: 50, y: 50 }, 1);
    expect(cell.state.data.window).toEqual({ kind: 'recommended', index: 0, scope: 'series' });
  });

  it('remembers whose recommended window was chosen last, for other series and after a reset', () => {
    const image = { kind: 'recommended' as const, index: 0, scope: 'image' as const };
    cell.change({ data: { window: image } }, 1, false);
    cell.goTo(3, 2, true);
    nextFrame();
    expect(last().window).toEqual(image);
    cell.change({ data: { window: { kind: 'values', center: 1, width: 2 } } }, 3, false);
    cell.reset('all', 4);
    expect(cell.state.data.window).toEqual(image);
    cell.setSeries(9, seriesDetail(2, 9));
    nextFrame();
    expect(last().window).toEqual(image);
    cell.change({ data: { window: { kind: 'recommended', index: 0, scope: 'series' } } }, 5, false);
    cell.setSeries(7, seriesDetail(2, 7));
    nextFrame();
    expect(last().window).toEqual({ kind: 'recommended', index: 0, scope: 'series', image: { instance_id: 101, frame_number: 1 } });
  });

  it('position reset keeps the window, reset all does not', () => {
    cell.change({ presentation: { rotationDeg: 90 }, data: { invert: true } }, 1, false);
    cell.reset('position', 2);
    expect(cell.state.presentation.rotationDeg).toBe(0);
    expect(cell.state.data.invert).toBe(true);
    cell.reset('all', 3);
    expect(cell.state.data.invert).toBe(false);
  });
});

describe('taking pictures', () => {
  beforeEach(() => {
    cell.setSeries(7, seriesDetail(50));
    nextFrame();
  });

  it('acknowledges what it painted', async () => {
    await cell.take(frame({ revision: 1, sequence: 1, still: true }));
    expect(cell.state.shown).toMatchObject({ revision: 1, still: true, lossless: true, image: { instance_id: 100, frame_number: 1 } });
    expect(acks).toEqual([1]);
  });

  it('acknowledges a stale one unseen and undecoded', async () => {
    cell.goTo(4, 1, false);
    await cell.take(frame({ revision: 2, sequence: 2, still: true }));
    await cell.take(frame({ revision: 1, sequence: 3, still: true }));
    expect(cell.state.shown?.revision).toBe(2);
    expect(bitmaps).toHaveLength(1);
    expect(acks).toEqual([2, 3]);
  });

  it('a picture that is decoded late does not cover a newer one', async () => {
    cell.goTo(4, 1, false);
    let finish: () => void = () => undefined;
    decode = (bitmap) => new Promise((resolve) => (finish = () => resolve(bitmap)));
    const slow = cell.take(frame({ revision: 1, sequence: 1 }));
    const finishSlow = finish;
    decode = (bitmap) => Promise.resolve(bitmap);
    await cell.take(frame({ revision: 2, sequence: 2 }));
    finishSlow();
    await slow;
    expect(cell.state.shown?.revision).toBe(2);
    expect(bitmaps[0]?.closed).toBe(true);
    expect(acks).toEqual([2, 1]);
  });

  it('frees the former picture', async () => {
    await cell.take(frame({ revision: 1, sequence: 1 }));
    await cell.take(frame({ revision: 1, sequence: 2, still: true }));
    expect(bitmaps.map((bitmap) => bitmap.closed)).toEqual([true, false]);
  });

  it('says which image cannot be drawn, and forgets it when the doctor goes on', () => {
    cell.failed({ type: 'view_error', cell: 0, revision: 1, code: 'cannot_decode', message: 'Damaged.', numbers: [], image: { instance_id: 100, frame_number: 1 }, edit: null });
    expect(cell.state.fault).toMatchObject({ code: 'cannot_decode', message: 'Damaged.' });
    cell.goTo(1, 1, false);
    expect(cell.state.fault).toBeNull();
  });

  it('asks again by itself when a part of the server is away, and keeps the last picture', async () => {
    await cell.take(frame({ revision: 1, sequence: 1, still: true }));
    cell.goTo(1, 1, false);
    const asked = last();
    cell.failed({ type: 'view_error', cell: 0, revision: asked.revision, code: 'unavailable', message: '', numbers: [], image: { instance_id: 101, frame_number: 1 }, edit: null });
    expect(cell.state.fault).toBeNull();
    expect(cell.state.shown?.revision).toBe(1);
    nextFrame();
    await clock.pass(1999);
    expect(last().revision).toBe(asked.revision);
    await clock.pass(1);
    expect(last()).toMatchObject({ revision: asked.revision + 1, image: { instance_id: 101, frame_number: 1 } });
  });

  it('an error of an image that was left behind says nothing', () => {
    cell.goTo(5, 1, false);
    cell.failed({ type: 'view_error', cell: 0, revision: 1, code: 'cannot_decode', message: '', numbers: [], image: { instance_id: 101, frame_number: 1 }, edit: null });
    expect(cell.state.fault).toBeNull();
  });

  it('replays the same view under a fresh revision', () => {
    cell.goTo(9, 1, false);
    cell.change({ data: { window: { kind: 'values', width: 1500, center: -600 } } }, 2, false);
    nextFrame();
    const before = last();
    cell.replay();
    expect(last()).toEqual({ ...before, revision: before.revision + 1 });
  });
});

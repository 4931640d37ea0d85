import { beforeEach, describe, expect, it } from 'vitest';
import { decodeFrame } from '../../shared/protocol/frame';
import type { CameraView, PlaneView, VolumeOpened } from '../../shared/protocol/messages';
import { FakeClock, type FrameFields, packedFrame } from '../testing/fakes';
import { isBehind, VolumeCellController, type VolumeWish } from './volumeCell';

const opened: VolumeOpened = {
  type: 'volume_opened',
  cell: 2,
  series_id: 7,
  volume: 0,
  volumes: [],
  shape: [10, 20, 30],
  lps_from_index: [1, 0, 0, -15, 0, 1, 0, -10, 0, 0, 2, -10],
  modality: 'CT',
  letters: true,
  warnings: [],
};

let clock: FakeClock;
let sent: (PlaneView | CameraView)[];
let told: string[];
let frames: (() => void)[];
let zoom: number;
let cell: VolumeCellController<string>;

const nextFrame = (): void => {
  for (const run of frames.splice(0)) run();
};
const picture = (fields: Partial<FrameFields> = {}): Promise<void> =>
  cell.take(decodeFrame(packedFrame({ cell: 2, instanceId: 0, revision: cell.lastSent, sequence: 1, still: true, ...fields })));
const wish = (): VolumeWish<string> => ({
  view: { type: 'plane', center_lps_mm: [0, 0, 0], right_lps: [1, 0, 0], down_lps: [0, 1, 0], mm_per_px: 1 / zoom },
  onto: { a: zoom, b: 0, c: 0, d: zoom, e: 0, f: 0 },
  look: `zoom ${zoom}`,
  smooth: true,
});

beforeEach(() => {
  clock = new FakeClock();
  sent = [];
  told = [];
  frames = [];
  zoom = 1;
  cell = new VolumeCellController<string>(2, {
    openVolume: (_cell, seriesId, volume) => told.push(`open ${seriesId}/${volume}`),
    closeCell: () => told.push('close'),
    sendView: (view) => sent.push(view),
    sendEdit: (edit) => told.push(`edit ${edit.number}`),
    ask: () => Promise.reject(new Error('nobody answers here')),
    acknowledge: (sequence) => told.push(`ack ${sequence}`),
    generation: () => 1,
    clock,
    onFrame: (run) => frames.push(run),
    decode: () => Promise.resolve({ close: () => undefined } as ImageBitmap),
  });
  cell.setWish(({ grid }) => (grid === null ? null : wish()));
  cell.resize({ widthPx: 400, heightPx: 300, perCss: 1, deviceRatio: 1 });
});

describe('a window of a volume', () => {
  it('asks for a picture once it knows where the volume lies', () => {
    cell.open(7, 0);
    nextFrame();
    expect(told).toEqual(['open 7/0']);
    expect(sent).toEqual([]);
    cell.opened(opened);
    expect(sent).toEqual([{ ...wish().view, cell: 2, revision: cell.lastSent, moving: false, width_px: 400, height_px: 300 }]);
  });

  it('takes no answer for another volume', () => {
    cell.open(7, 1);
    cell.opened(opened);
    expect(cell.state.opened).toBeNull();
    expect(sent).toEqual([]);
  });

  it('takes pictures of volumes only, and remembers what they are of', async () => {
    cell.open(7, 0);
    cell.opened(opened);
    await picture({ instanceId: 100 });
    expect(cell.state.shown).toBeNull();
    await picture({ sequence: 2 });
    expect(cell.state.shown).toMatchObject({ sequence: 2, widthPx: 400, heightPx: 300, coarse: false, wish: { look: 'zoom 1' } });
    expect(told.slice(1)).toEqual(['ack 1', 'ack 2']);
  });

  it('knows that it is behind until the picture of the newest wish comes', async () => {
    cell.open(7, 0);
    cell.opened(opened);
    await picture();
    nextFrame();
    zoom = 2;
    cell.wishChanged(5, true);
    expect(isBehind(cell.state)).toBe(true);
    expect(cell.state.shown?.wish?.look).toBe('zoom 1');
    expect(sent.at(-1)).toMatchObject({ mm_per_px: 0.5, moving: true });
    await picture({ sequence: 2, still: false });
    expect(isBehind(cell.state)).toBe(false);
  });

  it('is answered again and again while slices come, the finer picture always taken', async () => {
    cell.open(7, 0);
    cell.opened(opened);
    for (const sequence of [1, 2, 3]) {
      await picture({ sequence });
      expect(cell.state.shown?.sequence).toBe(sequence);
    }
  });

  it('asks for nothing new when the same volume is opened again after a reconnect', () => {
    cell.open(7, 0);
    cell.opened(opened);
    nextFrame();
    const before = sent.length;
    cell.replay();
    expect(sent).toHaveLength(before + 1);
    cell.opened(opened);
    nextFrame();
    expect(sent).toHaveLength(before + 1);
  });

  it('says that a volume cannot be had at all', () => {
    cell.open(7, 0);
    // Nothing was wished yet.
    cell.failed({ type: 'view_error', cell: 2, revision: 0, code: 'no_volume', message: 'Two images.', numbers: [], image: null, edit: null });
    expect(cell.state.fault).toEqual({ code: 'no_volume', message: 'Two images.', numbers: [], opening: true, edit: null, revision: cell.state.navigation.revision });
    cell.tryAgain();
    expect(told).toEqual(['open 7/0', 'open 7/0']);
    expect(cell.state.fault).toBeNull();
  });

  it('comes back by itself from what passes', async () => {
    cell.open(7, 0);
    cell.failed({ type: 'view_error', cell: 2, revision: cell.state.navigation.revision, code: 'unavailable', message: '', numbers: [], image: null, edit: null });
    await clock.pass(2100);
    expect(told).toEqual(['open 7/0', 'open 7/0']);
  });

  it('holds nothing once it is closed', async () => {
    cell.open(7, 0);
    cell.opened(opened);
    const late = cell.lastSent;
    cell.close();
    expect(told.at(-1)).toBe('close');
    await picture({ revision: late, sequence: 9 });
    expect(cell.state.shown).toBeNull();
    cell.wishChanged(1, false);
    cell.refresh();
    expect(sent).toHaveLength(1);
    await expect(cell.ask({ kind: 'pick', x_px: 0, y_px: 0 })).rejects.toMatchObject({ code: 'gone' });
  });
});

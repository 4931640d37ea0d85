import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Preset } from '../../../shared/protocol/messages';
import { boneLook, mipLook, VolumeStage } from '../testing';

const HIDDEN = 15;
const offered: readonly Preset[] = [
  { preset_id: 'ct_bone_vessels', group: 'ct', look: boneLook },
  { preset_id: 'ct_mip', group: 'ct', look: mipLook },
  { preset_id: 'ct_other', group: 'ct', look: { ...mipLook, mode: 'aip' } },
] as readonly Preset[];

let stage: VolumeStage;
beforeEach(async () => {
  vi.stubGlobal('createImageBitmap', () => Promise.resolve({ width: 192, height: 144, close: () => undefined }));
  stage = new VolumeStage();
  await stage.open();
  stage.thumbnails.setVisible(2, []);
});
afterEach(() => vi.unstubAllGlobals());

const asked = (): number => stage.sent('camera', HIDDEN).length;

/** The server draws the small picture that is asked for. */
async function small(): Promise<void> {
  await stage.picture(true, HIDDEN);
  await Promise.resolve();
  await Promise.resolve();
}

// Pictures are kept by volume as long as the page is: each test has its own.
let volume = 0;
function begin(): void {
  volume += 1;
  stage.scene.open(100 + volume);
  stage.opened(0, 0, 1, 100 + volume);
}

describe('pictures of presets', () => {
  it('wait until the whole volume has been seen', async () => {
    begin();
    stage.facts(false, offered);
    await stage.picture(false);
    expect(stage.sent('open_volume', HIDDEN)).toEqual([]);
    stage.facts(true, offered);
    await stage.picture(false);
    expect(stage.sent('open_volume', HIDDEN)).toHaveLength(1);
  });

  it('on the page come while the doctor’s picture gets finer, the others once it is sharp', async () => {
    begin();
    stage.facts(true, offered);
    await stage.picture(false);
    stage.opened(HIDDEN, 0, 1, 100 + volume);
    expect(asked()).toBe(1);
    await small();
    expect([...stage.thumbnails.store.get().pictures.keys()]).toEqual(['ct_bone_vessels']);
    await small();
    expect([...stage.thumbnails.store.get().pictures.keys()]).toEqual(['ct_bone_vessels', 'ct_mip']);
    expect(asked(), 'the third is not on the page').toBe(2);
    await stage.picture(true);
    await small();
    expect([...stage.thumbnails.store.get().pictures.keys()]).toEqual(['ct_bone_vessels', 'ct_mip', 'ct_other']);
  });

  it('are not asked for while the doctor turns the model', async () => {
    begin();
    stage.facts(true, offered);
    stage.scene.turn(10, 0, 1);
    await stage.picture(false);
    expect(stage.sent('open_volume', HIDDEN)).toEqual([]);
  });
});

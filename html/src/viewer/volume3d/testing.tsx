/** A volume page's controllers on a real viewer, with a socket that tests drive by hand. */

import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { render, type RenderResult } from '@testing-library/react';
import type { ReactNode } from 'react';
import { registerNamespace } from '../../shared/i18n';
import { decodeFrame } from '../../shared/protocol/frame';
import type { Look, Preset } from '../../shared/protocol/messages';
import { ViewerController } from '../control/viewer';
import en from '../i18n/en.json';
import pt from '../i18n/pt.json';
import { FakeClock, FakeSocket, packedFrame, settle } from '../testing/fakes';
import { ViewerContext } from '../ui/context';
import { Hands } from './control/hands';
import { Recorder } from './control/recorder';
import { SceneController } from './control/scene';
import { Thumbnails } from './control/thumbnails';
import { VolumeContext } from './ui/context';

registerNamespace('viewer', { en, pt });

export const boneLook: Look = {
  mode: 'shaded',
  tissues: [
    { name: 'vessels', on: true, opacity: [[130, 0], [300, 0.45], [650, 0]], colour: [[130, 0.5, 0.1, 0.1], [450, 1, 0.5, 0.3]] },
    { name: 'bone', on: true, opacity: [[350, 0], [600, 0.5], [1200, 0.9]], colour: [[350, 0.9, 0.8, 0.6]] },
  ],
  lighting: { ambient: 0.2, diffuse: 0.8, specular: 0.3, specular_power: 20 },
  iso_value: null,
};
export const mipLook: Look = { mode: 'mip', tissues: [{ name: 'values', on: true, opacity: [[-200, 0], [1200, 1]], colour: [[0, 1, 1, 1]] }], lighting: null, iso_value: null };
export const presets: readonly Preset[] = [
  { preset_id: 'ct_bone_vessels', group: 'vessels', look: boneLook },
  { preset_id: 'ct_mip', group: 'projection', look: mipLook },
];

export class VolumeStage {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly viewer: ViewerController;
  scene: SceneController;
  hands: Hands;
  readonly recorder = new Recorder(() => undefined);
  record = (): void => this.recorder.stop();
  readonly selected: (readonly [number, number, number])[] = [];
  readonly thumbnails: Thumbnails;
  #sequence = 0;

  constructor() {
    this.viewer = new ViewerController({
      clock: this.clock,
      fetchTicket: () => Promise.resolve('ticket'),
      createSocket: (ticket) => {
        const socket = new FakeSocket(ticket);
        this.sockets.push(socket);
        return socket;
      },
      onFrame: (run) => run(),
      decode: () => Promise.resolve({ close: () => undefined } as ImageBitmap),
    });
    this.viewer.setMode('volume');
    this.scene = this.#scene();
    this.hands = this.#hands();
    this.thumbnails = new Thumbnails(this.scene, this.viewer.volumeCell<string>(15), this.clock);
    this.scene.cell.resize({ widthPx: 800, heightPx: 400, perCss: 2, deviceRatio: 2 });
  }

  #scene(): SceneController {
    return new SceneController(this.viewer, (run) => void this.clock.setTimeout(run, 16), () => this.clock.now());
  }

  #hands(): Hands {
    return new Hands(this.scene, { select: (point) => this.selected.push(point) }, this.clock);
  }

  /** The tab shows images, as it does it: the windows of volumes close before their page goes. */
  away(): void {
    this.viewer.setMode('image');
    this.scene.leave();
  }

  /** The page of the volume again, before the server answers. */
  back(seriesId = 7): void {
    this.viewer.setMode('volume');
    this.scene = this.#scene();
    this.hands = this.#hands();
    this.scene.cell.resize({ widthPx: 800, heightPx: 400, perCss: 2, deviceRatio: 2 });
    this.socket.sent.length = 0;
    this.scene.open(seriesId);
  }

  get socket(): FakeSocket {
    return this.sockets[this.sockets.length - 1] as FakeSocket;
  }

  /** Messages of a kind that went to the server, for a cell. */
  sent(type: string, cell = 0): Record<string, unknown>[] {
    return this.socket.sent.filter((message) => message['type'] === type && message['cell'] === cell);
  }

  get lastCamera(): Record<string, unknown> {
    const all = this.sent('camera');
    return all[all.length - 1] ?? {};
  }

  async connect(): Promise<void> {
    this.viewer.connection.start();
    await settle();
    this.socket.welcome();
  }

  /** 100 mm wide, deep and high, its middle at the origin. */
  async open(): Promise<void> {
    await this.connect();
    this.scene.open(7);
    this.opened(0);
  }

  opened(cell: number, volume = 0, count = 1, seriesId = 7): void {
    this.socket.say({
      type: 'volume_opened',
      cell,
      series_id: seriesId,
      volume,
      volumes: Array.from({ length: count }, (_, number) => ({ number, label: { code: '', text: `Volume ${number + 1}`, numbers: [], texts: [] } })),
      shape: [50, 100, 100],
      lps_from_index: [1, 0, 0, -49.5, 0, 1, 0, -49.5, 0, 0, 2, -49],
      modality: 'CT',
      letters: true,
      warnings: [],
    });
  }

  facts(whole = true, offered: readonly Preset[] = presets): void {
    this.socket.say({ type: 'volume_facts', cell: 0, whole, unit: 'HU', lowest: -1024, highest: 1500, low: -1000, high: 900, histogram: [5, 4, 3, 2, 1], presets: offered, default_preset: 'ct_bone_vessels', warnings: [] });
  }

  /** The server's answer to the newest wish. */
  async picture(still = true, cell = 0): Promise<void> {
    this.#sequence += 1;
    const window = this.viewer.volumeCell(cell);
    await window.take(decodeFrame(packedFrame({ cell, revision: window.lastSent, sequence: this.#sequence, still, instanceId: 0 })));
  }

  /** Answers the last question with a point, or with none. */
  async answer(point: readonly [number, number, number] | null): Promise<void> {
    const asks = this.sent('ask');
    this.socket.say({ type: 'picked', cell: 0, question: asks[asks.length - 1]?.['question'], p_lps_mm: point });
    await settle();
  }

  show(part: ReactNode): RenderResult {
    const nothing = (): void => undefined;
    const { thumbnails } = this;
    return render(
      <MantineProvider env="test">
        <QueryClientProvider client={new QueryClient()}>
          <ViewerContext.Provider
            value={{ viewer: this.viewer, study: null, bars: true, mode: 'volume', changeMode: nothing, closeTab: nothing, back: nothing, phone: false, lying: false, locale: 'en', openWindowDialog: nothing, openKeys: nothing, exportPicture: nothing, toggleFullScreen: nothing }}
          >
            <VolumeContext.Provider value={{ scene: this.scene, hands: this.hands, thumbnails, openAngles: nothing, openSave: nothing, exportPicture: nothing, openTurnSeries: nothing, openSurface: nothing, record: () => this.record(), recorder: this.recorder }}>{part}</VolumeContext.Provider>
          </ViewerContext.Provider>
        </QueryClientProvider>
      </MantineProvider>,
    );
  }
}

/** A video of what a window shows, recorded by the browser as it is seen. */

import { Store } from '../../control/store';

const FRAMES_PER_S = 30;
/** What browsers write, the most widely played first. */
const KINDS = ['video/mp4', 'video/webm;codecs=vp9', 'video/webm'] as const;

export class Recorder {
  readonly store = new Store<{ recording: boolean; seconds: number }>({ recording: false, seconds: 0 });
  readonly #save: (blob: Blob, name: string) => void;
  #recorder: MediaRecorder | null = null;
  #ticks = 0;

  constructor(save: (blob: Blob, name: string) => void) {
    this.#save = save;
  }

  /** The kind of video that this browser records, null if none. */
  static kind(): string | null {
    if (typeof MediaRecorder === 'undefined') return null;
    return KINDS.find((one) => MediaRecorder.isTypeSupported(one)) ?? null;
  }

  start(canvas: HTMLCanvasElement): void {
    const kind = Recorder.kind();
    if (kind === null || this.#recorder !== null) return;
    const parts: Blob[] = [];
    const recorder = new MediaRecorder(canvas.captureStream(FRAMES_PER_S), { mimeType: kind });
    recorder.ondataavailable = ({ data }) => {
      if (data.size > 0) parts.push(data);
    };
    recorder.onstop = () => {
      if (parts.length > 0) this.#save(new Blob(parts, { type: kind }), kind.startsWith('video/mp4') ? 'volume.mp4' : 'volume.webm');
    };
    recorder.start(1000);
    this.#recorder = recorder;
    this.store.set({ recording: true, seconds: 0 });
    const start = performance.now();
    this.#ticks = window.setInterval(() => this.store.set({ seconds: Math.round((performance.now() - start) / 1000) }), 1000);
  }

  /** Ends it and saves what was recorded. */
  stop(): void {
    const recorder = this.#recorder;
    if (recorder === null) return;
    this.#recorder = null;
    window.clearInterval(this.#ticks);
    this.store.set({ recording: false });
    if (recorder.state !== 'inactive') recorder.stop();
  }
}

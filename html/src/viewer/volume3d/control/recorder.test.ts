import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Recorder } from './recorder';

/** What jsdom lacks: a recorder of a canvas that gives its data when it is told to. */
class FakeRecorder {
  static kinds: readonly string[] = ['video/webm'];
  static made: FakeRecorder[] = [];
  state: 'inactive' | 'recording' = 'inactive';
  ondataavailable: ((event: { data: Blob }) => void) | null = null;
  onstop: (() => void) | null = null;
  readonly kind: string;

  constructor(_stream: unknown, { mimeType }: { mimeType: string }) {
    this.kind = mimeType;
    FakeRecorder.made.push(this);
  }

  static isTypeSupported(kind: string): boolean {
    return FakeRecorder.kinds.includes(kind);
  }

  start(): void {
    this.state = 'recording';
  }

  stop(): void {
    this.state = 'inactive';
    this.ondataavailable?.({ data: new Blob(['film']) });
    this.onstop?.();
  }
}

const canvas = { captureStream: () => ({}) } as unknown as HTMLCanvasElement;

beforeEach(() => {
  FakeRecorder.made = [];
  FakeRecorder.kinds = ['video/webm'];
  vi.stubGlobal('MediaRecorder', FakeRecorder);
});

afterEach(() => vi.unstubAllGlobals());

describe('a video of the window', () => {
  it('is saved when it is stopped', () => {
    const save = vi.fn();
    const recorder = new Recorder(save);
    recorder.start(canvas);
    recorder.start(canvas);
    expect(FakeRecorder.made.length).toBe(1);
    expect(recorder.store.get().recording).toBe(true);
    recorder.stop();
    expect(recorder.store.get().recording).toBe(false);
    expect(save).toHaveBeenCalledOnce();
    const [blob, name] = save.mock.calls[0] as [Blob, string];
    expect([blob.size, blob.type, name]).toEqual([4, 'video/webm', 'volume.webm']);
  });

  it('is of the kind that plays in most places, if the browser can', () => {
    FakeRecorder.kinds = ['video/webm', 'video/mp4'];
    const save = vi.fn();
    const recorder = new Recorder(save);
    recorder.start(canvas);
    recorder.stop();
    expect(save.mock.calls[0]?.[1]).toBe('volume.mp4');
  });

  it('is not offered by a browser that cannot record', () => {
    FakeRecorder.kinds = [];
    expect(Recorder.kind()).toBeNull();
    vi.stubGlobal('MediaRecorder', undefined);
    expect(Recorder.kind()).toBeNull();
    const recorder = new Recorder(() => undefined);
    recorder.start(canvas);
    expect(recorder.store.get().recording).toBe(false);
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from '../../shared/api/client';
import type { UnfinishedUpload, UploadState, UploadTail } from '../../shared/api/types';
import '../texts';
import { skippedByReason, summarize } from './batches';
import { fromFileList, isLitter } from './collect';
import { crc32 } from './crc32';
import { holdsTail, interruptedOf, isSameFile } from './interrupted';
import { fingerprint, remember, remembered } from './resume';
import type { UploadTransport } from './transport';
import { Uploader } from './uploader';

const MiB = 1024 * 1024;
const state = (more: Partial<UploadState>): UploadState => ({ offset: 0, state: 'done', stored: 1, duplicates: 0, skipped: [], done_files: 1, total_files: 1, ...more });

function file(name: string, sizeBytes: number): File {
  const one = new File([], name, { lastModified: 1 });
  Object.defineProperty(one, 'size', { value: sizeBytes });
  one.slice = (from = 0, to = sizeBytes) => ({ size: to - from }) as Blob;
  return one;
}

/** A server in memory that keeps one upload and can lose its connection. */
class Server implements UploadTransport {
  received = 0;
  running = 0;
  mostRunning = 0;
  names: string[] = [];
  parts: [offset: number, size: number][] = [];
  failures: ApiError[] = [];
  cancelled: string[] = [];
  size = 0;
  tail: UploadTail | undefined;
  gate: Promise<void> = Promise.resolve();

  #fail(): void {
    const error = this.failures.shift();
    if (error) throw error;
  }

  whole: UploadTransport['whole'] = async (name) => {
    this.names.push(name);
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    await this.gate;
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.running -= 1;
    this.#fail();
    return name.endsWith('.txt') ? state({ stored: 0, skipped: [{ name, reason: 'not_dicom', message: 'This is not a DICOM file.' }] }) : state({});
  };

  create: UploadTransport['create'] = async (_name, sizeBytes) => {
    this.size = sizeBytes;
    return { upload_id: 'u1', part_bytes: 16 * MiB, offset: 0 };
  };

  part: UploadTransport['part'] = async (_id, offset, body) => {
    this.#fail();
    if (offset !== this.received) throw new ApiError(409, 'wrong_offset', '', { offset: this.received });
    this.parts.push([offset, body.size]);
    this.received += body.size;
    return { offset: this.received, state: this.received === this.size ? 'processing' : 'receiving' };
  };

  state: UploadTransport['state'] = async () => {
    this.#fail();
    const over = this.received === this.size;
    return state({ tail: this.tail, offset: this.received, state: over ? 'done' : 'receiving', stored: over ? 640 : 0, total_files: 640, done_files: over ? 640 : 0 });
  };

  cancel: UploadTransport['cancel'] = async (id) => {
    this.cancelled.push(id);
  };
}

async function finished(uploader: Uploader): Promise<void> {
  for (let i = 0; i < 500 && uploader.isBusy; i += 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(uploader.isBusy).toBe(false);
}

describe('uploads', () => {
  let server: Server;
  let uploader: Uploader;
  beforeEach(() => {
    localStorage.clear();
    server = new Server();
    uploader = new Uploader(server, 1);
    uploader.setUser(7);
  });

  it('send small files one by one, at most four at once, under a name that tells nothing', async () => {
    uploader.add(Array.from({ length: 12 }, (_, i) => ({ file: file(`Almeida_Beatriz_${i}.dcm`, 1000), path: `x/Almeida_Beatriz_${i}.dcm` })));
    await finished(uploader);
    expect(server.mostRunning).toBe(4);
    expect(new Set(server.names)).toEqual(new Set(['file.dcm']));
    expect(summarize(uploader.get()[0]!)).toMatchObject({ state: 'done', stored: 12, files: 12, share: 1 });
  });

  it('name what was skipped, and why', async () => {
    uploader.add([
      { file: file('a.dcm', 10), path: 'a.dcm' },
      { file: file('report.txt', 10), path: 'folder/report.txt' },
    ]);
    await finished(uploader);
    expect(skippedByReason(uploader.get())).toEqual({ count: 1, groups: [{ reason: 'not_dicom', message: 'This is not a DICOM file.', names: ['folder/report.txt'] }] });
  });

  it('send an archive in parts of 16 MiB', async () => {
    uploader.add([{ file: file('study.zip', 40 * MiB), path: 'study.zip' }]);
    await finished(uploader);
    expect(server.parts).toEqual([
      [0, 16 * MiB],
      [16 * MiB, 16 * MiB],
      [32 * MiB, 8 * MiB],
    ]);
    expect(summarize(uploader.get()[0]!)).toMatchObject({ state: 'done', stored: 640, files: 640 });
  });

  it('go on where the server is, after the connection was lost', async () => {
    const lost = new ApiError(0, 'no_answer', '');
    server.failures = [lost, lost];
    uploader.add([{ file: file('study.zip', 20 * MiB), path: 'study.zip' }]);
    await finished(uploader);
    expect(server.parts.map(([offset]) => offset)).toEqual([0, 16 * MiB]);
    expect(summarize(uploader.get()[0]!).state).toBe('done');
  });

  it('go on after the page was loaded again and the same file is chosen', async () => {
    const zip = file('study.zip', 40 * MiB);
    server.received = 32 * MiB;
    server.size = 40 * MiB;
    remember(fingerprint(7, zip), 'u1');
    uploader.add([{ file: zip, path: 'study.zip' }]);
    await finished(uploader);
    expect(server.parts).toEqual([[32 * MiB, 8 * MiB]]);
    expect(remembered(fingerprint(7, zip))).toBeNull();
  });

  it('stop at a refusal that waiting cannot help, and say it in words', async () => {
    server.failures = [new ApiError(507, 'out_of_resources', 'full')];
    uploader.add([{ file: file('a.dcm', 10), path: 'a.dcm' }]);
    await finished(uploader);
    expect(uploader.get()[0]?.files[0]).toMatchObject({ state: 'failed', problem: 'The server has no room left. Ask your administrator.' });
  });

  it('can be cancelled, and a late answer does not wake them', async () => {
    let release = (): void => undefined;
    server.gate = new Promise((resolve) => (release = resolve));
    uploader.add([{ file: file('a.dcm', 10), path: 'a.dcm' }]);
    uploader.cancel(uploader.get()[0]!.id);
    release();
    await finished(uploader);
    expect(uploader.get()[0]?.files[0]?.state).toBe('cancelled');
    uploader.clearDone();
    expect(uploader.get()).toEqual([]);
  });

  it('of one user never go on for another', async () => {
    uploader.add([{ file: file('a.dcm', 10), path: 'a.dcm' }]);
    uploader.setUser(8);
    expect(uploader.get()).toEqual([]);
    await finished(uploader);
  });
});

describe('interrupted uploads', () => {
  const left: UnfinishedUpload = { upload_id: 'u1', name: 'folder/study.zip', size_bytes: 40 * MiB, offset: 32 * MiB, idle_s: 60, expires_in_s: 3000 };
  const octets = new TextEncoder().encode('123456789');

  it('are those that neither this page nor another one sends', () => {
    const sent: UnfinishedUpload = { ...left, upload_id: 'u2', idle_s: 1 };
    expect(interruptedOf([left, sent], new Set()).map((one) => one.upload_id)).toEqual(['u1']);
    expect(interruptedOf([left, sent], new Set(['u1']))).toEqual([]);
  });

  it('go on with a file of the same name and size alone', () => {
    expect(isSameFile({ name: 'study.zip', size: 40 * MiB }, left)).toBe(true);
    expect(isSameFile({ name: 'study.zip', size: 40 * MiB + 1 }, left)).toBe(false);
    expect(isSameFile({ name: 'Study.zip', size: 40 * MiB }, left)).toBe(false);
    expect(isSameFile({ name: 'study.zip', size: 40 * MiB }, { ...left, name: 'folder\\study.zip' })).toBe(true);
  });

  it('know the check value of CRC-32', () => {
    expect(crc32(octets)).toBe(0xcbf43926);
    expect(crc32(new Uint8Array())).toBe(0);
  });

  it('are known by the bytes that the server got last', async () => {
    const blob = new Blob(['abc', octets, 'def']);
    expect(await holdsTail(blob, 12, { length: 9, crc32: 0xcbf43926 })).toBe(true);
    expect(await holdsTail(blob, 11, { length: 9, crc32: 0xcbf43926 })).toBe(false);
    expect(await holdsTail(blob, 0, { length: 0, crc32: 0 })).toBe(true);
  });

  it('go on from the byte that the server waits for', async () => {
    const server = new Server();
    const uploader = new Uploader(server, 1);
    server.received = 32 * MiB;
    server.size = 40 * MiB;
    uploader.resume('u1', { file: file('study.zip', 40 * MiB), path: 'study.zip' });
    expect([...uploader.uploadIds]).toEqual(['u1']);
    await finished(uploader);
    expect(server.parts).toEqual([[32 * MiB, 8 * MiB]]);
    expect(summarize(uploader.get()[0]!)).toMatchObject({ state: 'done', stored: 640 });
  });

  it('do not go on with a file that holds something else, and can be resumed again', async () => {
    const server = new Server();
    const uploader = new Uploader(server, 1);
    server.received = 32 * MiB;
    server.size = 40 * MiB;
    server.tail = { length: 9, crc32: 1 };
    const other = file('study.zip', 40 * MiB);
    other.slice = () => new Blob([octets]);
    uploader.resume('u1', { file: other, path: 'study.zip' });
    await finished(uploader);
    expect(server.parts).toEqual([]);
    expect(uploader.get()[0]?.files[0]?.problem).toMatch(/^This file holds something else/);
    expect([...uploader.uploadIds]).toEqual([]);
  });

  it('of a small file go on in parts too', async () => {
    const server = new Server();
    const uploader = new Uploader(server, 1);
    server.received = 10;
    server.size = 100;
    uploader.resume('u1', { file: file('a.dcm', 100), path: 'a.dcm' });
    await finished(uploader);
    expect(server.parts).toEqual([[10, 90]]);
    expect(server.names).toEqual([]);
  });
});

describe('picked files', () => {
  it('leave out what systems put into folders by themselves', () => {
    expect(isLitter('study/.DS_Store')).toBe(true);
    expect(isLitter('__MACOSX/a.dcm')).toBe(true);
    expect(isLitter('study/IM0001')).toBe(false);
    expect(fromFileList([file('a.dcm', 1), file('desktop.ini', 1)]).map((one) => one.path)).toEqual(['a.dcm']);
  });

  it('are told apart without keeping their names', () => {
    const one = fingerprint(1, file('Almeida.zip', 5));
    expect(one).toMatch(/^[0-9a-f]{16}$/);
    expect(fingerprint(2, file('Almeida.zip', 5))).not.toBe(one);
    expect(fingerprint(1, file('Almeida.zip', 6))).not.toBe(one);
  });
});

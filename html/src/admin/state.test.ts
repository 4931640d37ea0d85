import { describe, expect, it } from 'vitest';
import { databaseName, deviceOf, earliestFact, hostOf, type NodeState, numberFact, sumFact } from './state';

function node(kind: string, status: Record<string, unknown>): NodeState {
  return { node_id: 1, kind, address: 'http://127.0.0.1:1', active: true, last_heartbeat_at: '', ok: true, reason: '', status };
}

describe('the state of the server', () => {
  it('adds up what storage nodes tell, and says nothing where none tells', () => {
    expect(sumFact([node('storage', { studies: 3 }), node('storage', {}), node('storage', { studies: 4 })], 'studies')).toBe(7);
    expect(sumFact([node('storage', { studies: 'many' })], 'studies')).toBeNull();
    expect(numberFact(undefined, 'dicom_port')).toBeNull();
  });

  it('says when all files were verified only where every storage node does', () => {
    const nodes = ['2026-11-23T10:00:00+00:00', '2026-11-22T10:00:00+00:00'].map((files_verified_at) => node('storage', { files_verified_at }));
    expect(earliestFact(nodes, 'files_verified_at')).toBe('2026-11-22T10:00:00+00:00');
    expect(earliestFact([...nodes, node('storage', { files_verified_at: null })], 'files_verified_at')).toBe('');
    expect(earliestFact([], 'files_verified_at')).toBe('');
  });

  it('names the device of a render node with its driver', () => {
    expect(deviceOf(node('render', { device: { index: 0, renderer: 'llvmpipe', driver: 'Mesa 22.3.6', software: true } }))).toBe('llvmpipe · Mesa 22.3.6');
    expect(deviceOf(node('storage', {}))).toBe('');
  });

  it('writes the address of every node alike', () => {
    expect([hostOf('http://127.0.0.1:8091'), hostOf('https://node-2/'), hostOf('somewhere')]).toEqual(['127.0.0.1:8091', 'node-2', 'somewhere']);
  });

  it('calls databases by the names that people know', () => {
    expect([databaseName('QSQLITE'), databaseName('QPSQL'), databaseName('other')]).toEqual(['SQLite', 'PostgreSQL', 'other']);
  });
});

/** The answer of `GET /v2/admin/state`, and what the page makes of it. */

export interface NodeState {
  node_id: number;
  kind: string;
  address: string;
  active: boolean;
  last_heartbeat_at: string;
  ok: boolean;
  reason: string;
  /** Facts that the node tells of itself; which ones depends on its kind. */
  status: Record<string, unknown>;
}

export interface ServerState {
  product: string;
  version: string;
  started_at: string;
  uptime_s: number;
  database: { kind: string; version: string; problem: string };
  user_count: number;
  session_count: number;
  websocket_count: number;
  /** Room on the disks of all storage nodes; a disk that several nodes share counts once. */
  free_bytes: number | null;
  nodes: NodeState[];
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** A fact of one node as a number or a text; null where it does not tell. */
export function numberFact(node: NodeState | undefined, name: string): number | null {
  return numberOf(node?.status[name]);
}

export function textFact(node: NodeState | undefined, name: string): string {
  const value = node?.status[name];
  return typeof value === 'string' ? value : '';
}

/** The configuration names databases by their drivers; people know the products. */
export function databaseName(kind: string): string {
  const names: Record<string, string> = { QSQLITE: 'SQLite', QPSQL: 'PostgreSQL', sqlite: 'SQLite', postgresql: 'PostgreSQL' };
  return names[kind] ?? kind;
}

/** Host and port of a node's address: all of them are written alike. */
export function hostOf(address: string): string {
  return URL.canParse(address) ? new URL(address).host : address;
}

/** Which device a render node draws with, and its driver. */
export function deviceOf(node: NodeState): string {
  const device = node.status['device'];
  if (typeof device !== 'object' || device === null) return '';
  const { renderer, name, driver } = device as Record<string, unknown>;
  return [renderer ?? name, driver].filter((part) => typeof part === 'string' && part !== '').join(' · ');
}

/** The sum over all nodes of a kind; null where none tells. */
export function sumFact(nodes: readonly NodeState[], name: string): number | null {
  const values = nodes.map((node) => numberFact(node, name)).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0);
}

/** The answer of `GET /v2/admin/patient_conflicts`; it names no patient. */
export interface PatientConflicts {
  studies: readonly PatientConflict[];
  total: number;
  /** Numbers of the storage nodes that did not answer. */
  silent_nodes: readonly number[];
}

export interface PatientConflict {
  node_id: number;
  user_id: number;
  user_name: string;
  study_id: number;
  study_instance_uid: string;
  instance_count: number;
  received_at: string;
}

/** The rows with those of one user and Study Instance UID beside one another, in the order of the first of each. */
export function byUid(studies: readonly PatientConflict[]): readonly PatientConflict[] {
  const groups = new Map<string, PatientConflict[]>();
  for (const study of studies) {
    const key = `${study.node_id}/${study.user_id}/${study.study_instance_uid}`;
    groups.set(key, [...(groups.get(key) ?? []), study]);
  }
  return [...groups.values()].flat();
}

/** The earliest of the times that all nodes of a kind tell; empty where one tells none. */
export function earliestFact(nodes: readonly NodeState[], name: string): string {
  const times = nodes.map((node) => textFact(node, name));
  return times.includes('') ? '' : (times.toSorted()[0] ?? '');
}

/** What was, and how to go back to it. Values are never changed in place. */

export interface History<T> {
  readonly past: readonly T[];
  readonly present: T;
  readonly future: readonly T[];
}

/** So many steps can be undone. */
export const KEPT = 200;

export function historyOf<T>(present: T): History<T> {
  return { past: [], present, future: [] };
}

/** A new value; what was undone is gone. */
export function changed<T>(history: History<T>, present: T): History<T> {
  return { past: [...history.past, history.present].slice(-KEPT), present, future: [] };
}

/** Another value in place of the present one, as while something is dragged: no step of its own. */
export function amended<T>(history: History<T>, present: T): History<T> {
  return { ...history, present };
}

/** All values altered; of those that are the same then, one after the other, the last is left. */
export function altered<T>(history: History<T>, alter: (value: T) => T, same: (one: T, other: T) => boolean): History<T> {
  const [past, future] = [history.past.map(alter), history.future.map(alter)];
  const present = alter(history.present);
  const after = [...past.slice(1), present];
  const before = [present, ...future.slice(0, -1)];
  return {
    past: past.filter((value, at) => !same(value, after[at] ?? present)),
    present,
    future: future.filter((value, at) => !same(value, before[at] ?? present)),
  };
}

export function undone<T>(history: History<T>): History<T> {
  const before = history.past[history.past.length - 1];
  if (before === undefined) return history;
  return { past: history.past.slice(0, -1), present: before, future: [history.present, ...history.future] };
}

export function redone<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future };
}

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StudyWithSeries } from '../../shared/api/types';
import { startData, startPresentation } from '../control/cellState';
import type { ViewerController } from '../control/viewer';
import { measuringOf } from '../measure/control/measureOf';
import type { Draft, Measurement, Measures } from '../measure/control/measures';
import type { Place } from '../measure/model/place';
import { frameFacts, seriesDetail } from '../testing/series';
import { Stage, studyOf } from '../testing/stage';
import { type BrowserAreas, type Limits, LIMITS, WorkStorage } from './control/browserStorage';
import { SAVE_AFTER_MS, Workspace } from './control/workspace';
import { digestOf } from './model/digest';

const USER = 4;
const STUDY = 9;
const KEY = `webviewer.work.1.${USER}.${STUDY}`;
const series = seriesDetail(5);

function studyWith(uid = '1.2.3'): StudyWithSeries {
  return { ...studyOf([series]), study_id: STUDY, study_instance_uid: uid };
}

function areas(): BrowserAreas {
  return { tab: window.sessionStorage, shared: window.localStorage };
}

/** One browser tab: a viewer, its measurements, and what keeps them. */
class Tab {
  readonly viewer: ViewerController = new Stage().viewer;
  readonly measures: Measures = measuringOf(this.viewer).measures;
  readonly workspace: Workspace;
  readonly leave: () => void;
  readonly restored: boolean;

  constructor({ user = USER, nowMs = 1000, own = areas(), limits = LIMITS, asked = series.series_id as number | null }: { user?: number; nowMs?: number; own?: BrowserAreas; limits?: Limits; asked?: number | null } = {}) {
    this.workspace = new Workspace(this.viewer, this.measures, new WorkStorage(own, user, limits), user, STUDY, () => nowMs);
    this.restored = this.workspace.restore({ mode: 'image', seriesId: asked });
    this.leave = this.workspace.start();
  }

  /** What the server says comes in. */
  know(study = studyWith(), detail = series): this {
    this.workspace.studyCame(study);
    if (this.viewer.cell(0).state.reference.seriesId === null) this.viewer.show(0, detail.series_id);
    this.viewer.setDetail(detail);
    return this;
  }

  draw(instanceId: number, patch: Partial<Draft> = {}): Measurement {
    const place: Place = { kind: 'image', seriesId: series.series_id, image: { instance_id: instanceId, frame_number: 1 } };
    const fixed = [{ x: 1.5, y: 2.25 }, { x: 30, y: 40.125 }];
    return this.measures.finish({ tool: 'ruler', place, cellNumber: 0, fixed, floating: null, answers: {}, ...patch });
  }

  get shapes(): unknown[] {
    return this.measures.state.items.map(({ tool, place, points }) => [tool, place.kind === 'image' ? place.image.instance_id : place.kind, points.length]);
  }

  /** The browser tells this tab what another one stored. */
  hear(key: string, newValue: string | null): void {
    window.dispatchEvent(new StorageEvent('storage', { key, newValue, storageArea: window.localStorage }));
  }
}

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});
const opened: Tab[] = [];
function open(...options: ConstructorParameters<typeof Tab>): Tab {
  const tab = new Tab(...options);
  opened.push(tab);
  return tab;
}
afterEach(() => {
  for (const tab of opened.splice(0)) tab.leave();
  vi.useRealTimers();
});

describe('a reload', () => {
  it('brings measurements back without their values, and image, window and layout at once', () => {
    const before = open().know();
    before.viewer.setLayout({ rows: 1, columns: 2 });
    before.viewer.show(1, series.series_id);
    before.viewer.setDetail({ ...series });
    before.viewer.activeCell.goTo(3, 1, false);
    before.viewer.activeCell.change({ data: { window: { kind: 'values', center: 40, width: 80, function: 'LINEAR' }, colours: 'pet', overlays: false, presetId: 'brain' }, presentation: { zoom: 2.5, centerX: 10, centerY: 20, rotationDeg: 90, flipHorizontal: true } }, 1, false);
    before.draw(102, { answers: { '': { points: [], measured: null, fault: null } } });
    before.leave();

    const after = open();
    expect(after.restored).toBe(true);
    const { state } = after.viewer;
    expect([state.layout, state.places, state.active]).toEqual([{ rows: 1, columns: 2 }, [0, 1], 1]);
    const cell = after.viewer.cell(1).state;
    expect(cell.reference).toEqual({ seriesId: series.series_id, image: { instance_id: 103, frame_number: 1 } });
    expect(cell.data).toEqual({ window: { kind: 'values', center: 40, width: 80, function: 'LINEAR' }, presetId: 'brain', invert: false, interpolation: 'bilinear', colours: 'pet', overlays: false, shutters: true });
    expect(cell.presentation).toEqual({ zoom: 2.5, centerX: 10, centerY: 20, rotationDeg: 90, flipHorizontal: true });
    expect(after.shapes).toEqual([]); // not before it is known that this is the study

    after.know();
    expect(after.measures.state.items.map(({ points, answers }) => [points, answers])).toEqual([[[{ x: 1.5, y: 2.25 }, { x: 30, y: 40.125 }], {}]]);
    expect(after.measures.canUndo).toBe(false);
  });

  it('stores within half a second, and at once when the page goes', () => {
    vi.useFakeTimers();
    const tab = open().know();
    vi.advanceTimersByTime(SAVE_AFTER_MS);
    const item = tab.draw(100);
    expect(localStorage.getItem(`${KEY}.m${item.id}`)).toBeNull();
    vi.advanceTimersByTime(SAVE_AFTER_MS);
    expect(localStorage.getItem(`${KEY}.m${item.id}`)).not.toBeNull();
    const other = tab.draw(101);
    window.dispatchEvent(new Event('pagehide'));
    expect(localStorage.getItem(`${KEY}.m${other.id}`)).not.toBeNull();
  });

  it('opens what the address asks for where that is another series', () => {
    open().know().leave();
    expect(open({ asked: 999 }).restored).toBe(false);
    expect(open({ asked: null }).restored).toBe(true);
  });

  it('does not bring back what was deleted', () => {
    const before = open().know();
    const item = before.draw(100);
    before.draw(101);
    before.workspace.save();
    before.measures.removeOne(item.id);
    before.leave();
    expect(open().know().shapes).toEqual([['ruler', 101, 2]]);
  });

  it('keeps measurements on planes with the series they lie in', () => {
    const before = open().know();
    const plane: Place = { kind: 'plane', seriesId: series.series_id, volume: 1, origin: [1, 2, 3], right: [1, 0, 0], down: [0, 0.6, 0.8], stepMm: 0.5 };
    before.draw(0, { place: plane });
    before.leave();
    const moved = { ...studyWith(), series: [{ ...series, series_id: 700 }] };
    const after = open();
    after.workspace.studyCame(moved);
    expect(after.measures.state.items.map(({ place }) => place)).toEqual([{ ...plane, seriesId: 700 }]);
  });
});

describe('two browser tabs with one study', () => {
  it('keep the measurements of both', () => {
    const one = open().know();
    const other = open({ own: { tab: null, shared: localStorage } }).know();
    const first = one.draw(100);
    const second = other.draw(101);
    expect(first.id).not.toBe(second.id);
    one.workspace.save();
    other.workspace.save();
    one.leave();
    other.leave();
    expect(new Set(open().know().shapes)).toEqual(new Set([['ruler', 100, 2], ['ruler', 101, 2]]));
  });

  it('see what the other one draws, changes and deletes, and undo only their own', () => {
    const one = open().know();
    const mine = one.draw(100);
    one.workspace.save();
    const theirs = mine.id + 5;
    const key = `${KEY}.m${theirs}`;
    const text = (localStorage.getItem(`${KEY}.m${mine.id}`) ?? '').replace('1.5', '7.5');
    localStorage.setItem(key, text);
    one.hear(key, text);
    expect(one.measures.state.items.map(({ id, points }) => [id, points[0]])).toEqual([[mine.id, { x: 1.5, y: 2.25 }], [theirs, { x: 7.5, y: 2.25 }]]);

    expect(one.measures.undo()).toBe(true); // the drawing of mine
    expect(one.measures.state.items.map(({ id }) => id)).toEqual([theirs]);
    one.workspace.save();
    expect(localStorage.getItem(key)).toBe(text);

    localStorage.removeItem(key);
    one.hear(key, null);
    expect(one.shapes).toEqual([]);
  });

  it('believe the storage, not an event that is older', () => {
    const one = open().know();
    const { id } = one.draw(100);
    one.workspace.save();
    one.hear(`${KEY}.m${id}`, null);
    expect(one.shapes).toEqual([['ruler', 100, 2]]);
  });

  it('catch up with what they slept through', () => {
    const one = open().know();
    const [gone, kept] = [one.draw(100), one.draw(101)];
    one.workspace.save();
    localStorage.removeItem(`${KEY}.m${gone.id}`);
    window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }));
    expect(one.measures.state.items.map(({ id }) => id)).toEqual([kept.id]);
  });

  it('take an evicted study for no deletion, and store it again', () => {
    const one = open().know();
    one.draw(100);
    one.workspace.save();
    const stored = Object.entries({ ...localStorage }).filter(([key]) => key.startsWith(KEY));
    new WorkStorage({ tab: null, shared: localStorage }, USER).removeStudy(STUDY);
    for (const [key] of stored) one.hear(key, null);
    expect(one.shapes).toEqual([['ruler', 100, 2]]);
    one.workspace.save();
    expect(Object.keys({ ...localStorage }).filter((key) => key.startsWith(KEY)).sort()).toEqual(stored.map(([key]) => key).sort());
  });
});

describe('what is not the doctor’s own', () => {
  it('is never shown to another user, and comes back to the one it belongs to', () => {
    const before = open().know();
    before.draw(100);
    before.leave();
    const other = open({ user: 5, own: { tab: null, shared: localStorage } }).know();
    expect(other.restored).toBe(false);
    expect(other.shapes).toEqual([]);
    other.leave();
    expect(open().know().shapes).toEqual([['ruler', 100, 2]]);
  });

  it('goes where the number stands for another study now', () => {
    const before = open().know();
    before.viewer.setLayout({ rows: 2, columns: 2 });
    before.draw(100);
    before.leave();
    const after = open().know(studyWith('9.9.9'));
    expect(after.shapes).toEqual([]);
    expect(after.viewer.state.layout).toEqual({ rows: 1, columns: 1 });
    after.leave();
    expect(Object.keys({ ...localStorage }).filter((key) => key.startsWith(`${KEY}.`))).toEqual([]);
  });

  it('names no patient, study or image in the storage', () => {
    const tab = open().know();
    tab.draw(103);
    tab.leave();
    const all = JSON.stringify([{ ...localStorage }, { ...sessionStorage }]);
    const { patient_name, patient_id, patient_birth_date, study_description } = studyWith();
    const uids = [studyWith().study_instance_uid, ...series.frames.map((one) => one.sop_instance_uid)];
    for (const secret of [patient_name, patient_id, String(patient_birth_date), study_description, ...uids.map((uid) => `"${uid}`)]) expect(all).not.toContain(secret);
  });
});

describe('what changed at the server meanwhile', () => {
  it('is followed by SOP Instance UID, where instances have other numbers', () => {
    const before = open().know();
    before.draw(102);
    before.viewer.cell(0).goTo(2, 1, false);
    before.leave();
    const renumbered = { ...series, frames: series.frames.map((one) => ({ ...one, instance_id: one.instance_id + 800 })) };
    const after = open().know(studyWith(), renumbered);
    expect(after.shapes).toEqual([['ruler', 902, 2]]);
    expect(after.viewer.cell(0).state.reference.image).toEqual({ instance_id: 902, frame_number: 1 });
  });

  it('hides a measurement whose instance is gone, and shows it again when it is back', () => {
    const before = open().know();
    const { id } = before.draw(102);
    before.leave();
    const without = { ...series, frames: series.frames.filter((one) => one.instance_id !== 102) };
    const after = open().know(studyWith(), without);
    expect(after.shapes).toEqual([]);
    after.workspace.save();
    expect(localStorage.getItem(`${KEY}.m${id}`)).not.toBeNull();
    after.viewer.setDetail({ ...series });
    expect(after.shapes).toEqual([['ruler', 102, 2]]);
  });

  it('never shows a measurement on another instance that has its number now', () => {
    const before = open().know();
    before.draw(102);
    before.leave();
    const other = { ...series, frames: [frameFacts(102, { sop_instance_uid: '7.7.7' })] };
    expect(open().know(studyWith(), other).shapes).toEqual([]);
  });
});

/** The ways to all values of a JSON value, the value itself first. */
function pathsIn(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  return [[], ...Object.entries(value).flatMap(([name, inner]) => pathsIn(inner).map((rest) => [name, ...rest]))];
}

function replaced(value: unknown, [name, ...rest]: string[], by: unknown): unknown {
  if (name === undefined) return by;
  const copy: Record<string, unknown> = Array.isArray(value) ? ([...value] as unknown as Record<string, unknown>) : { ...(value as Record<string, unknown>) };
  copy[name] = replaced(copy[name], rest, by);
  return copy;
}

describe('what is stored may be anything', () => {
  const broken: [string, string][] = [
    ['no JSON', '{'],
    ['a list', '[]'],
    ['another version', '{"version":99}'],
    ['a plane that is none', JSON.stringify({ version: 1, tool: 'ruler', points: [[1, 2], [3, 4]], label: null, place: { kind: 'plane', seriesId: 20, volume: 0, origin: [0, 0, 0], right: [5, 0, 0], down: [0, 1, 0], stepMm: 1, digest: 'a'.repeat(24) } })],
    ['an endless point', `{"version":1,"tool":"ruler","points":[[1,2],[3,1e999]],"label":null,"place":{"kind":"image","seriesId":20,"image":{"instance_id":100,"frame_number":1},"digest":"${'a'.repeat(24)}"}}`],
    ['too few points', `{"version":1,"tool":"angle","points":[[1,2],[3,4]],"label":null,"place":{"kind":"image","seriesId":20,"image":{"instance_id":100,"frame_number":1},"digest":"${'a'.repeat(24)}"}}`],
    ['an unknown tool', `{"version":1,"tool":"constructor","points":[[1,2],[3,4]],"label":null,"place":{"kind":"image","seriesId":20,"image":{"instance_id":100,"frame_number":1},"digest":"${'a'.repeat(24)}"}}`],
  ];

  it.each(broken)('a measurement that is %s is dropped', (_, text) => {
    open().know().leave();
    localStorage.setItem(`${KEY}.m77`, text);
    const tab = open().know();
    expect(tab.shapes).toEqual([]);
    expect(localStorage.getItem(`${KEY}.m77`)).toBeNull();
  });

  it.each(['{', '[]', 'null', '{"version":1,"saved_at":1,"study":"x","sections":{"images":{"layout":{"rows":99,"columns":1}}}}', '{"version":1,"study":7,"sections":null}'])('a record that is %s opens the study as new', (text) => {
    sessionStorage.setItem(KEY, text);
    localStorage.setItem(KEY, text);
    const tab = open().know();
    expect(tab.restored).toBe(false);
    expect(tab.viewer.cell(0).state.data).toEqual(startData);
    expect(tab.viewer.cell(0).state.presentation).toEqual(startPresentation);
  });

  it.each([['null', null], ['missing', undefined], ['a number', 5], ['of no kind', {}]])('a cell whose window is %s is dropped', (_, stored) => {
    open().know().leave();
    const record = JSON.parse(sessionStorage.getItem(KEY) ?? '') as { sections: { images: { cells: { data: { window?: unknown } }[] } } };
    const [cell] = record.sections.images.cells;
    if (cell === undefined) throw new Error('No cell was stored.');
    cell.data.window = stored;
    sessionStorage.setItem(KEY, JSON.stringify(record));
    const tab = open();
    expect(tab.restored).toBe(false);
    expect(tab.viewer.cell(0).state.data).toEqual(startData);
  });

  it('no mutation of any value throws, and the study opens', () => {
    const before = open().know();
    before.draw(100);
    before.leave();
    const stored = { ...localStorage };
    const junk: unknown[] = [undefined, null, 0, -1, 1.5, 1e308, '', '__proto__', true, [], [[]], {}, [null]];
    for (const key of Object.keys(stored)) {
      for (const path of pathsIn(JSON.parse(stored[key] as string))) {
        for (const value of junk) {
          sessionStorage.clear();
          for (const [name, text] of Object.entries(stored)) localStorage.setItem(name, text as string);
          localStorage.setItem(key, JSON.stringify(replaced(JSON.parse(stored[key] as string), path, value)) ?? '');
          const what = `${key} ${path.join('.')} = ${JSON.stringify(value)}`;
          let tab: Tab | null = null;
          expect(() => {
            tab = new Tab();
            tab.know();
            tab.workspace.save();
            tab.leave();
          }, what).not.toThrow();
          const found = tab as Tab | null;
          expect(found?.viewer.cell(0).state.reference.seriesId, what).toBe(series.series_id);
          expect(found?.measures.state.items.every(({ points }) => points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))), what).toBe(true);
        }
      }
    }
  });

  it('a fault while it is brought back opens the study as new, and keeps the measurements', () => {
    const before = open().know();
    before.draw(100);
    before.leave();
    const stage = new Stage().viewer;
    const real = stage.restore.bind(stage);
    let calls = 0;
    stage.restore = (start) => {
      real(start);
      calls += 1;
      if (calls === 1) throw new TypeError('a value that no reader knows');
    };
    const measures = measuringOf(stage).measures;
    const workspace = new Workspace(stage, measures, new WorkStorage(areas(), USER), USER, STUDY, () => 2000);
    expect(workspace.restore({ mode: 'image', seriesId: series.series_id })).toBe(false);
    expect(stage.cell(0).state.reference.seriesId).toBeNull();
    workspace.studyCame(studyWith());
    expect(measures.state.items).toHaveLength(1);
  });

  it('a section whose reader throws is nothing', () => {
    const { sections } = new Stage().viewer;
    sections.restore({ images: 1 });
    const throwing = (): null => {
      throw new TypeError('broken');
    };
    expect(sections.read('images', throwing)).toBeNull();
  });

  it('a viewport state that the server would refuse is dropped', () => {
    const before = open().know();
    before.leave();
    const record = (sessionStorage.getItem(KEY) ?? '').replace('"kind":"recommended","index":0', '"kind":"values","center":1,"width":-5');
    sessionStorage.setItem(KEY, record);
    expect(open().restored).toBe(false);
  });
});

describe('room', () => {
  const small: Limits = { studies: 3, letters: 100_000, lettersOfStudy: 10_000 };

  function older(studyId: number, savedAt: number): void {
    localStorage.setItem(`webviewer.work.1.8.${studyId}`, JSON.stringify({ version: 1, saved_at: savedAt }));
    localStorage.setItem(`webviewer.work.1.8.${studyId}.m1`, 'x');
  }

  it('is made by evicting the studies that were saved longest ago, of whatever user', () => {
    older(1, 30);
    older(2, 10);
    older(3, 20);
    open({ limits: small }).know().leave();
    expect(Object.keys({ ...localStorage }).sort()).toEqual(['webviewer.work.1.4.9', 'webviewer.work.1.8.1', 'webviewer.work.1.8.1.m1', 'webviewer.work.1.8.3', 'webviewer.work.1.8.3.m1']);
  });

  it('that one study takes is bounded; the doctor is told once', () => {
    const tab = open({ limits: small }).know();
    const told = vi.fn();
    tab.workspace.store.subscribe(told);
    const points = Array.from({ length: 300 }, (_, at) => ({ x: at + 0.123456, y: at }));
    for (let count = 0; count < 4; count += 1) {
      tab.draw(100, { tool: 'polygon', fixed: points });
      tab.workspace.save();
    }
    expect(tab.workspace.store.get().fault).toBe('full');
    expect(told).toHaveBeenCalledTimes(1);
    expect(tab.measures.state.items).toHaveLength(4);
  });

  it('that a study takes does not count an entry twice that is written again', () => {
    const storage = new WorkStorage(areas(), USER, small);
    expect(storage.writeRecord(STUDY, 'a'.repeat(6000))).toBeNull();
    expect(storage.writeRecord(STUDY, 'b'.repeat(6000))).toBeNull();
    expect(storage.writeFigure(STUDY, 'm1', 'c'.repeat(3000))).toBeNull();
    expect(storage.writeFigure(STUDY, 'm2', 'd'.repeat(2000))).toBe('full');
    expect(storage.readRecord(STUDY)).toBe('b'.repeat(6000));
  });

  it('that the browser refuses is made of older studies, else the doctor is told', () => {
    older(1, 30);
    const tab = open().know();
    const real = Storage.prototype.setItem;
    const refusing = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(function (this: Storage, key, value) {
      if (this === localStorage && Object.keys({ ...localStorage }).some((one) => one.startsWith('webviewer.work.1.8.'))) throw new DOMException('', 'QuotaExceededError');
      real.call(this, key, value);
    });
    tab.draw(100);
    tab.workspace.save();
    expect(tab.workspace.store.get().fault).toBeNull();
    expect(localStorage.getItem('webviewer.work.1.8.1')).toBeNull();
    refusing.mockImplementation(() => {
      throw new DOMException('', 'QuotaExceededError');
    });
    tab.draw(101);
    tab.workspace.save();
    expect(tab.workspace.store.get().fault).toBe('full');
    refusing.mockRestore();
  });

  it('is never made of keys that only begin like those of a study', () => {
    const foreign = ['webviewer.work.1.8', 'webviewer.work.1.', 'webviewer.work.1.8.x', 'webviewer.work.1.8.1.m1.y', 'webviewer.work.1..1'];
    older(1, 900);
    older(2, 800);
    for (const key of foreign) localStorage.setItem(key, 'x');
    open({ nowMs: 1000, limits: small }).know().leave();
    expect(Object.keys({ ...localStorage }).sort()).toEqual([...foreign, KEY, 'webviewer.work.1.8.1', 'webviewer.work.1.8.1.m1', 'webviewer.work.1.8.2', 'webviewer.work.1.8.2.m1'].sort());
    open({ nowMs: 1000, limits: { ...small, studies: 2 } }).know().leave();
    expect(Object.keys({ ...localStorage }).sort()).toEqual([...foreign, KEY, 'webviewer.work.1.8.1', 'webviewer.work.1.8.1.m1'].sort());
  });

  it('that is there again ends the fault, and the measurement is stored', () => {
    const tab = open().know();
    const refusing = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('', 'QuotaExceededError');
    });
    const item = tab.draw(100);
    tab.workspace.save();
    expect(tab.workspace.store.get().fault).toBe('full');
    refusing.mockRestore();
    tab.workspace.save();
    expect(tab.workspace.store.get().fault).toBeNull();
    expect(localStorage.getItem(`${KEY}.m${item.id}`)).not.toBeNull();
  });

  it('that a browser does not give at all is no error until something would be lost', () => {
    const tab = open({ own: { tab: null, shared: null } }).know();
    tab.workspace.save();
    expect(tab.workspace.store.get().fault).toBeNull();
    tab.draw(100);
    tab.workspace.save();
    expect(tab.workspace.store.get().fault).toBe('blocked');
  });
});

describe('a deleted study', () => {
  it('leaves nothing behind and is not stored again', () => {
    const tab = open().know();
    tab.draw(100);
    tab.workspace.save();
    tab.workspace.studyGone();
    tab.draw(101);
    tab.leave();
    expect(Object.keys({ ...localStorage })).toEqual([]);
    expect(Object.keys({ ...sessionStorage })).toEqual([]);
  });
});

describe('digests', () => {
  it('are of the user and the UID', () => {
    expect(digestOf(4, '1.2.3')).toMatch(/^[0-9a-f]{24}$/);
    expect(digestOf(4, '1.2.3')).not.toBe(digestOf(5, '1.2.3'));
    // printf '4/1.2.3' | sha256sum
    expect(digestOf(4, '1.2.3')).toBe('e04adeca23914ab8053eb929');
  });
});

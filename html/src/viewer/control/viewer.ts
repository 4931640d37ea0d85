/** The whole viewing tab: its windows, layout, tools and the connection. No React. */

import { createWebSocket, fetchTicket } from '../../shared/api/client';
import { eventSocket } from '../../shared/events/eventSocket';
import { MAX_CELLS } from '../../shared/protocol/messages';
import { mirrored, normalDegrees } from '../model/geometry';
import { frameAt, type SeriesDetail } from '../model/series';
import { keepingWindows, type WindowScope } from '../model/seriesWindow';
import type { Tool } from '../model/tools';
import type { Vector } from '../model/vector';
import { type Clock, browserClock } from '../stream/clock';
import { type CellMessage, type ConnectionState, RenderConnection, type Socket } from '../stream/connection';
import { SpareStream } from '../stream/spare';
import { CellController, type CellStart } from './cell';
import { Cine, type Film, type PlayMode } from './cine';
import { Sections } from './sections';
import { Store } from './store';
import { VolumeCellController } from './volumeCell';

export const CELLS = MAX_CELLS;
export type MouseButton = 'left' | 'middle' | 'right';
export const overlayLevels = ['off', 'anonymous', 'full'] as const;
export type OverlayLevel = (typeof overlayLevels)[number];

/** What a tab shows of its study; addresses call the volume "3d". */
export type ViewerMode = 'image' | 'mpr' | 'volume';

export interface Layout {
  rows: number;
  columns: number;
}

/** As many as the server draws for one page. */
export const MAX_ROWS = 4;
export const MAX_COLUMNS = 4;

export interface ViewerState {
  mode: ViewerMode;
  layout: Layout;
  /** Numbers of the cells in the places of the layout, row by row. */
  places: readonly number[];
  active: number;
  enlarged: boolean;
  overlay: OverlayLevel;
  bindings: Readonly<Record<MouseButton, Tool>>;
  playing: number | null;
  fps: number;
  playMode: PlayMode;
  stripOpen: boolean;
  connection: ConnectionState;
  /** The study was deleted while it was shown: its pictures stay as they are drawn, and nothing more is asked for. */
  deleted: boolean;
}

/** Layout and tools of the image page, and what its cells show: enough to show the same again. */
export interface ViewerStart extends Pick<ViewerState, 'layout' | 'places' | 'active' | 'enlarged' | 'overlay' | 'bindings' | 'fps' | 'playMode' | 'stripOpen'> {
  cells: ReadonlyMap<number, { seriesId: number } & CellStart>;
}

/** How the image page begins where nothing was kept. */
export const startOfViewer: Omit<ViewerStart, 'cells'> = {
  layout: { rows: 1, columns: 1 },
  places: [0],
  active: 0,
  enlarged: false,
  overlay: 'full',
  bindings: { left: 'scroll', middle: 'pan', right: 'window' },
  fps: 15,
  playMode: 'loop',
  stripOpen: true,
};

export interface ViewerDependencies {
  clock: Clock;
  fetchTicket: () => Promise<string>;
  createSocket: (ticket: string) => Socket;
  takeSpare?: () => Socket | null;
  onFrame: (run: () => void) => void;
  decode: (payload: Blob) => Promise<ImageBitmap>;
}

const browserStream = {
  clock: browserClock,
  fetchTicket: () => fetchTicket('render'),
  createSocket: (ticket: string) => createWebSocket('/eventQueue/render', ticket) as Socket,
};

/** The stream that the next study takes over. */
export const spareStream = new SpareStream(browserStream);

export function browserDependencies(): ViewerDependencies {
  return {
    ...browserStream,
    takeSpare: () => spareStream.take(),
    // A hidden page gets no animation frames.
    onFrame: (run) => void (document.hidden ? window.setTimeout(run, 50) : requestAnimationFrame(run)),
    decode: (payload) => createImageBitmap(payload),
  };
}

/** Whether a tool needs no server: it only moves the picture that is seen. */
function worksAlone(tool: Tool): boolean {
  return tool === 'pan' || tool === 'zoom' || tool === 'rotate';
}

export class ViewerController {
  readonly store = new Store<ViewerState>({ ...startOfViewer, mode: 'image', playing: null, connection: { kind: 'connecting' }, deleted: false });
  /** Which series each cell shows. */
  readonly shows = new Store<{ seriesIds: readonly (number | null)[] }>({ seriesIds: Array.from({ length: CELLS }, () => null) });
  readonly cells: readonly CellController[];
  /** The same windows where they show a volume; a page of volumes opens and closes those that it needs. */
  readonly volumeCells: readonly VolumeCellController[];
  readonly connection: RenderConnection;
  /** The parts of this work that outlive the page. */
  readonly sections = new Sections();
  readonly clock: Clock;
  readonly #cine: Cine;
  #handed: Vector | null = null;
  readonly #details = new Map<number, SeriesDetail>();
  /** The details as they came from the server, before `keepingWindows`. */
  readonly #arrived = new Map<number, SeriesDetail>();
  readonly #detailListeners = new Set<(detail: SeriesDetail) => void>();

  constructor(deps: ViewerDependencies = browserDependencies()) {
    this.clock = deps.clock;
    this.connection = new RenderConnection({
      fetchTicket: deps.fetchTicket,
      createSocket: deps.createSocket,
      ...(deps.takeSpare === undefined ? {} : { takeSpare: deps.takeSpare }),
      clock: deps.clock,
      onState: (connection) => this.store.set({ connection }),
      onMessage: (message) => this.#receive(message),
      onFrame: (frame) => {
        const cell = this.#cells[frame.cell];
        if (cell === undefined) this.connection.acknowledge(frame.sequence, this.connection.generation);
        else void cell.take(frame);
      },
      onReplay: () => {
        if (this.state.mode === 'image') for (const number of this.state.places) this.cells[number]?.replay();
        else for (const cell of this.volumeCells) cell.replay();
      },
      isOffline: () => !navigator.onLine,
    });
    const { connection } = this;
    const shared = {
      closeCell: (cell: number) => connection.closeCell(cell),
      acknowledge: (sequence: number, generation: number) => connection.acknowledge(sequence, generation),
      generation: () => connection.generation,
      clock: deps.clock,
      onFrame: deps.onFrame,
      decode: deps.decode,
    };
    const recommended: { scope: WindowScope } = { scope: 'series' };
    const all = Array.from({ length: CELLS }, (_, number) => number);
    this.cells = all.map(
      (number) =>
        new CellController(number, {
          ...shared,
          openCell: (cell, seriesId) => connection.openCell(cell, seriesId),
          sendView: (view) => connection.sendView(view),
          recommended,
        }),
    );
    this.volumeCells = all.map(
      (number) =>
        new VolumeCellController(number, {
          ...shared,
          openVolume: (cell, seriesId, volume) => connection.openVolume(cell, seriesId, volume),
          sendView: (view) => connection.sendView(view),
          sendEdit: (edit) => connection.sendEdit(edit),
          ask: (cell, what, key, onProgress) => connection.ask(cell, what, key, onProgress),
        }),
    );
    this.#cine = new Cine(deps.onFrame, () => deps.clock.now());
  }

  get state(): ViewerState {
    return this.store.get();
  }

  get activeCell(): CellController {
    return this.cell(this.state.active);
  }

  cell(number: number): CellController {
    return this.cells[number] ?? (this.cells[0] as CellController);
  }

  /** The window of a number where it shows a volume. The look is what the page that opens it says it is. */
  volumeCell<Look = unknown>(number: number): VolumeCellController<Look> {
    return (this.volumeCells[number] ?? this.volumeCells[0]) as VolumeCellController<Look>;
  }

  /** The windows that hold something at the server now, whatever they show. */
  get #cells(): readonly (CellController | VolumeCellController)[] {
    return this.state.mode === 'image' ? this.cells : this.volumeCells;
  }

  /** A point of the patient that a page picked for the next one to show. */
  handOver(point: Vector): void {
    this.#handed = point;
  }

  /** The point that was picked for this page, once. */
  takeHanded(): Vector | null {
    const point = this.#handed;
    this.#handed = null;
    return point;
  }

  /** Another page of the study: what the former one held at the server goes; the image viewer's windows keep their view. */
  setMode(mode: ViewerMode): void {
    const before = this.state.mode;
    if (mode === before) return;
    this.stopPlay();
    if (before === 'image') for (const number of this.state.places) this.cell(number).sleep();
    else for (const cell of this.volumeCells) cell.close();
    this.store.set({ mode });
    if (mode === 'image') for (const number of this.state.places) this.cell(number).wake();
  }

  /** The study is deleted: there is nothing to draw any more. */
  studyDeleted(): void {
    if (this.state.deleted) return;
    this.stopPlay();
    this.connection.stop();
    for (const cell of this.cells) cell.freeze();
    const { left } = this.state.bindings;
    this.store.set({ deleted: true, bindings: { ...this.state.bindings, left: worksAlone(left) ? left : 'pan' } });
  }

  /** Whether this study is the one on the screen. */
  setActive(active: boolean): void {
    this.connection.setWatched(active);
    if (!active) this.stopPlay();
  }

  start(): () => void {
    const online = (): void => this.connection.online();
    const offline = (): void => this.connection.probe();
    const stopListening = eventSocket.onEvent((event) => {
      if (event['type'] === 'render_node_lost') this.connection.probe();
    });
    const visible = (): void => {
      if (!document.hidden) this.connection.tryNow();
    };
    window.addEventListener('online', online);
    window.addEventListener('offline', offline);
    document.addEventListener('visibilitychange', visible);
    this.connection.start();
    return () => {
      stopListening();
      window.removeEventListener('online', online);
      window.removeEventListener('offline', offline);
      document.removeEventListener('visibilitychange', visible);
      this.stopPlay();
      this.connection.stop();
    };
  }

  /** Cells that can be seen. */
  get visible(): readonly number[] {
    const { places, enlarged, active } = this.state;
    return enlarged ? [active] : places;
  }

  activate(number: number): void {
    if (this.state.active !== number) this.store.set({ active: number });
  }

  /** Shows a series in a cell, from its first image. */
  show(number: number, seriesId: number): void {
    if (this.state.deleted) return;
    if (this.state.playing === number) this.stopPlay();
    this.cell(number).setSeries(seriesId, this.#details.get(seriesId) ?? null);
    this.shows.set({ seriesIds: this.cells.map((cell) => cell.state.reference.seriesId) });
    this.activate(number);
  }

  /** Lays the cells out and fills them as they were on an earlier page. */
  restore({ cells, ...state }: ViewerStart): void {
    this.stopPlay();
    for (const cell of this.cells) if (this.state.mode !== 'image' || !state.places.includes(cell.number)) cell.sleep();
    const before = this.state.places;
    this.store.set(state);
    for (const cell of this.cells) {
      const start = cells.get(cell.number) ?? null;
      if (this.state.mode === 'image' && state.places.includes(cell.number) && !before.includes(cell.number)) cell.wake();
      cell.setSeries(start?.seriesId ?? null, start === null ? null : (this.#details.get(start.seriesId) ?? null), start);
    }
    this.shows.set({ seriesIds: this.cells.map((cell) => cell.state.reference.seriesId) });
  }

  /** The details of a series, null until they came. */
  detail(seriesId: number): SeriesDetail | null {
    return this.#details.get(seriesId) ?? null;
  }

  setDetail(arrived: SeriesDetail): void {
    const known = this.#details.get(arrived.series_id);
    const isNew = this.#arrived.get(arrived.series_id) !== arrived;
    const detail = isNew || known === undefined ? keepingWindows(known, arrived) : known;
    this.#arrived.set(arrived.series_id, arrived);
    this.#details.set(arrived.series_id, detail);
    for (const cell of this.cells) cell.setDetail(detail);
    if (isNew) for (const listener of [...this.#detailListeners]) listener(detail);
  }

  /** Calls the listener for each series whose images become known, or become others. */
  onDetail(listener: (detail: SeriesDetail) => void): () => void {
    this.#detailListeners.add(listener);
    return () => this.#detailListeners.delete(listener);
  }

  setLayout(layout: Layout): void {
    this.stopPlay();
    const { places, active } = this.state;
    const count = layout.rows * layout.columns;
    const kept = places.slice(0, count);
    if (!kept.includes(active)) kept[kept.length - 1] = active;
    for (let number = 0; kept.length < count && number < CELLS; number += 1) if (!kept.includes(number)) kept.push(number);
    for (const number of places) if (!kept.includes(number)) this.cell(number).sleep();
    if (this.state.mode === 'image') for (const number of kept) if (!places.includes(number)) this.cell(number).wake();
    this.store.set({ layout, places: kept, enlarged: false });
  }

  toggleEnlarged(number: number): void {
    if (this.state.places.length < 2) return;
    this.store.set({ active: number, enlarged: !this.state.enlarged });
  }

  bind(button: MouseButton, tool: Tool): void {
    if (this.state.deleted && !worksAlone(tool)) return;
    this.store.set({ bindings: { ...this.state.bindings, [button]: tool } });
  }

  nextOverlay(): void {
    const order: readonly OverlayLevel[] = ['full', 'anonymous', 'off'];
    const at = order.indexOf(this.state.overlay);
    this.store.set({ overlay: order[(at + 1) % order.length] ?? 'full' });
  }

  togglePlay(): void {
    if (this.state.playing !== null) {
      this.stopPlay();
      return;
    }
    const cell = this.activeCell;
    if (this.state.deleted || (cell.state.detail?.frames.length ?? 0) < 2) return;
    const own = frameAt(cell.state.detail, cell.state.reference.image)?.frame_time_ms ?? null;
    if (own !== null && own > 0) this.store.set({ fps: Math.min(60, Math.max(1, Math.round(1000 / own))) });
    this.store.set({ playing: cell.number });
    this.#cine.start(filmOf(cell), () => this.state.fps, this.state.playMode, () => this.store.set({ playing: null }));
  }

  stopPlay(): void {
    const { playing } = this.state;
    if (playing === null) return;
    this.#cine.stop(filmOf(this.cell(playing)));
    this.store.set({ playing: null });
  }

  setPlayMode(playMode: PlayMode): void {
    const wasPlaying = this.state.playing !== null;
    this.stopPlay();
    this.store.set({ playMode });
    if (wasPlaying) this.togglePlay();
  }

  /** Goes some images on by hand; a film that runs stops. */
  scroll(cell: CellController, images: number, at: number): void {
    if (this.state.playing === cell.number) this.stopPlay();
    cell.goTo(cell.index + images, at, true);
  }

  flip(axis: 'horizontal' | 'vertical', at: number): void {
    const cell = this.activeCell;
    cell.change({ presentation: mirrored(cell.state.presentation, axis) }, at, false);
  }

  turn(degrees: number, at: number): void {
    const cell = this.activeCell;
    cell.change({ presentation: { rotationDeg: normalDegrees(cell.state.presentation.rotationDeg + degrees) } }, at, false);
  }

  invert(at: number): void {
    const cell = this.activeCell;
    cell.change({ data: { invert: !cell.state.data.invert } }, at, false);
  }

  /** One image pixel is one pixel of the screen. */
  actualSize(at: number): void {
    const cell = this.activeCell;
    const { perCss, deviceRatio } = cell.state.canvas;
    cell.change({ presentation: { zoom: perCss / deviceRatio, centerX: null, centerY: null } }, at, false);
  }

  fit(zoom: 'fit' | 'width', at: number): void {
    this.activeCell.change({ presentation: { zoom, centerX: null, centerY: null } }, at, false);
  }

  #receive(message: CellMessage): void {
    if (message.type === 'welcome') return;
    const image = this.state.mode === 'image' ? this.cells[message.cell] : undefined;
    const volume = this.state.mode === 'image' ? undefined : this.volumeCells[message.cell];
    if (message.type === 'opened') image?.opened(message.frame_count, message.series_id);
    else if (message.type === 'volume_opened') volume?.opened(message);
    else if (message.type === 'volume_facts') volume?.factsCame(message);
    else if (message.type === 'progress') (image ?? volume)?.progress(message.loaded, message.total);
    else if (message.type === 'view_error') (image ?? volume)?.failed(message);
  }
}

/** The images of a series as a film. */
function filmOf(cell: CellController): Film {
  return {
    get count() {
      return cell.state.detail?.frames.length ?? 0;
    },
    get index() {
      return cell.index;
    },
    get isBehind() {
      return (cell.state.shown?.revision ?? 0) < cell.lastSent;
    },
    goTo: (index, at) => cell.goTo(index, at, true),
    begin: () => cell.beginDrag(),
    end: (at) => cell.endDrag(at),
  };
}

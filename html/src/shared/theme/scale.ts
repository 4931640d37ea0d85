/** The size of the interface: one factor for text, icons, buttons and marks on pictures, so that they stay readable in a large window. */

export const interfaceSizes = ['automatic', '100', '125', '150', '200'] as const;

/** What a user chooses: a factor in percent, or the factor that fits the window. */
export type InterfaceSize = (typeof interfaceSizes)[number];

interface WindowSize {
  /** Of the browser window, CSS pixels. */
  width: number;
  height: number;
}

/** Up to this size of the window the automatic factor is 1. */
const UNSCALED: WindowSize = { width: 2560, height: 1440 };
/** The layout of wide windows needs this much room, in pixels of the interface: no factor leaves less. */
const LEAST_ROOM: WindowSize = { width: 1280, height: 720 };
const MOST = 2;
/** Steps per 1: a window that is resized is laid out anew only now and then. */
const STEPS = 20;

export function toInterfaceSize(value: unknown): InterfaceSize | null {
  return interfaceSizes.find((size) => size === value) ?? null;
}

/**
 * CSS pixels per pixel of the interface, from 1 to 2.
 *
 * A phone always has 1. A chosen size counts as far as the window has room for it; a smaller window is enlarged with the
 * browser's own zoom.
 */
export function scaleOf(size: InterfaceSize, { width, height }: WindowSize): number {
  const wanted = size === 'automatic' ? Math.min(width / UNSCALED.width, height / UNSCALED.height) : Number(size) / 100;
  const room = Math.min(width / LEAST_ROOM.width, height / LEAST_ROOM.height);
  return Math.max(1, Math.floor(Math.min(wanted, room, MOST) * STEPS + 1e-6) / STEPS);
}

const key = 'webviewer.interface_size';

export function rememberedSize(): InterfaceSize {
  try {
    return toInterfaceSize(localStorage.getItem(key)) ?? 'automatic';
  } catch {
    return 'automatic'; // storage is blocked
  }
}

export function rememberSize(size: InterfaceSize): void {
  try {
    localStorage.setItem(key, size);
  } catch {
    // storage is blocked: the choice holds for this page only
  }
}

/** Runs when another tab of this browser chose a size; returns the end of listening. */
export function onSizeElsewhere(run: (size: InterfaceSize) => void): () => void {
  const listen = (event: StorageEvent): void => {
    const size = event.key === key ? toInterfaceSize(event.newValue) : null;
    if (size !== null) run(size);
  };
  window.addEventListener('storage', listen);
  return () => window.removeEventListener('storage', listen);
}

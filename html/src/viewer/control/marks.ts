/**
 * Marks of the browser's performance timeline: `viewer:input` when an input changes a view, `viewer:painted` when the
 * picture that answers it is on the screen, and the measure `viewer:answer` between the two. Always on, bounded.
 */

const KEEP = 1000;
let written = 0;

export interface MarkDetail {
  cell: number;
  revision: number;
  still?: boolean;
  refining?: boolean;
}

function bound(): void {
  written += 1;
  if (written < KEEP) return;
  written = 0;
  for (const name of ['viewer:input', 'viewer:painted']) performance.clearMarks(name);
  performance.clearMeasures('viewer:answer');
}

/** @param at time of the input event, as `event.timeStamp` */
export function markInput(detail: MarkDetail, at: number): void {
  bound();
  performance.mark('viewer:input', { detail, startTime: at });
}

/** @param inputAt time of the input that the picture answers, null for one that nobody asked for by hand */
export function markPainted(detail: MarkDetail, inputAt: number | null): void {
  bound();
  const now = performance.now();
  performance.mark('viewer:painted', { detail, startTime: now });
  if (inputAt !== null) performance.measure('viewer:answer', { start: inputAt, end: now, detail });
}

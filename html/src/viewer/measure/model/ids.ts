/** Identifiers of measurements: unique among browser tabs without asking anybody. */

/** So many identifiers fall into one millisecond. */
const PER_MS = 2048;

/**
 * Returns a source of identifiers. An identifier is the time in ms times 2048 plus a random number below 2048, a whole
 * number below 2^53 until the year 2109. The identifiers of one source rise, so they also tell the order of drawing.
 */
export function freshIds(nowMs: () => number, random: () => number): () => number {
  let last = 0;
  return () => {
    const id = Math.floor(nowMs()) * PER_MS + Math.floor(random() * PER_MS);
    last = id > last ? id : last + 1;
    return last;
  };
}

/** How the columns share the width of the table: each as wide as what it shows, within its limits. Pure. */

export interface Wish {
  /** Narrowest, widest, and what its longest value needs, in px. */
  narrowest: number;
  widest: number;
  needed: number;
}

/**
 * Widths in px, in the order of the wishes. Where the room is short, short values get all they need first (an ID that is
 * cut is of no use) and the longest give way; what is left over goes to the columns that may grow, in proportion.
 */
export function shareWidth(wishes: readonly Wish[], available: number): number[] {
  const wanted = wishes.map(({ narrowest, widest, needed }) => Math.min(Math.max(needed, narrowest), Math.max(widest, narrowest)));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const extra = available - sum(wanted);
  if (extra < 0) {
    const widths = wishes.map((wish) => wish.narrowest);
    const more = wanted.map((width, i) => width - (widths[i] as number));
    const order = wishes.map((_, i) => i).sort((a, b) => (more[a] as number) - (more[b] as number));
    let left = Math.max(0, available - sum(widths));
    order.forEach((i, done) => {
      const given = Math.min(more[i] as number, Math.floor(left / (order.length - done)));
      widths[i] = (widths[i] as number) + given;
      left -= given;
    });
    return widths;
  }
  const room = wishes.map(({ narrowest, widest }) => Math.max(0, widest - narrowest));
  const rooms = sum(room);
  return wanted.map((width, i) => Math.floor(width + extra * (rooms === 0 ? 1 / wishes.length : (room[i] as number) / rooms)));
}

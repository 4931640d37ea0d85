let last = 0;

/** The number of a step that can be taken back: of two histories, the later step goes first. */
export function nextStep(): number {
  last += 1;
  return last;
}

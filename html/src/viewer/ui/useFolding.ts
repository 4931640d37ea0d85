import { type RefObject, useLayoutEffect, useRef, useState } from 'react';
import { useInterfaceScale } from '../../shared/theme/InterfaceScale';

/** Room for the button More, with what is left between. */
const MORE_PX = 46;

/**
 * How many families of a bar fit, counted from the left.
 *
 * The bar holds elements `[data-essential]`, which always stay, and `[data-family]`, of which the ones beyond the answer
 * are hidden. A hidden one keeps the width it had when it was last seen.
 */
export function useFolding(bar: RefObject<HTMLElement | null>, count: number): number {
  const scale = useInterfaceScale();
  const [shown, setShown] = useState(count);
  const widths = useRef<number[]>([]);
  useLayoutEffect(() => {
    const element = bar.current;
    if (element === null) return;
    const measure = (): void => {
      if (element.clientWidth === 0) return; // a tab in the background has no size
      const families = [...element.querySelectorAll<HTMLElement>('[data-family]')];
      families.forEach((family, index) => {
        if (family.offsetWidth > 0) widths.current[index] = family.offsetWidth;
      });
      const style = getComputedStyle(element);
      const gap = parseFloat(style.columnGap) || 0;
      const room = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      const essential = [...element.querySelectorAll<HTMLElement>('[data-essential]')].reduce((sum, one) => sum + one.offsetWidth, 0);
      setShown(fitting(room - essential, families.map((_, index) => (widths.current[index] ?? 0) + gap), MORE_PX * scale));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    for (const one of element.querySelectorAll('[data-essential], [data-family]')) observer.observe(one);
    return () => observer.disconnect();
  }, [bar, count, scale]);
  return shown;
}

/** How many of the widths fit into the room, with room for More where not all do. */
export function fitting(room: number, widths: readonly number[], more: number): number {
  if (widths.reduce((sum, width) => sum + width, 0) <= room) return widths.length;
  let left = room - more;
  let fit = 0;
  for (const width of widths) {
    left -= width;
    if (left < 0) break;
    fit += 1;
  }
  return fit;
}

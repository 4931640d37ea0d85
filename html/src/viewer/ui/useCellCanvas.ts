import { type RefObject, useLayoutEffect } from 'react';
import { useInterfaceScale } from '../../shared/theme/InterfaceScale';
import type { CellCanvas } from '../control/pictureCell';

/** The server draws no larger than this; a larger window gets the picture stretched. */
export const LONGEST_SIDE_PX = 4096;

interface Drawn {
  attach: (canvas: HTMLCanvasElement | null) => void;
  resize: (canvas: CellCanvas) => void;
}

/** Gives a window its canvas, as large as the element around it, and tells it of every change of size. */
export function useCellCanvas(cell: Drawn, element: HTMLElement | null, canvas: RefObject<HTMLCanvasElement | null>): void {
  const scale = useInterfaceScale();
  useLayoutEffect(() => {
    cell.attach(canvas.current);
    return () => cell.attach(null);
  }, [cell, canvas]);

  useLayoutEffect(() => {
    if (element === null) return;
    const measure = (): void => {
      const { clientWidth, clientHeight } = element;
      if (clientWidth === 0 || clientHeight === 0) return; // a tab in the background has no size
      const deviceRatio = window.devicePixelRatio || 1;
      const perCss = Math.min(deviceRatio, LONGEST_SIDE_PX / Math.max(clientWidth, clientHeight));
      const widthPx = Math.max(1, Math.floor(clientWidth * perCss));
      const heightPx = Math.max(1, Math.floor(clientHeight * perCss));
      if (canvas.current !== null) {
        canvas.current.style.width = `${widthPx / perCss}px`;
        canvas.current.style.height = `${heightPx / perCss}px`;
      }
      cell.resize({ widthPx, heightPx, perCss: perCss * scale, deviceRatio: deviceRatio * scale });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    // Another screen or the browser's zoom changes the pixel ratio, perhaps without a change of size.
    window.addEventListener('resize', measure);
    return () => {
      observer.disconnect();
      window.removeEventListener('resize', measure);
    };
  }, [element, cell, canvas, scale]);
}

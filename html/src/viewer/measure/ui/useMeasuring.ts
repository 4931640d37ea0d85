import { useEffect, useMemo, useRef } from 'react';
import type { ViewerController } from '../../control/viewer';
import { measuringOf } from '../control/measureOf';
import type { Measures } from '../control/measures';
import { MeasurePointer } from '../control/pointer';
import type { MeasureSurface } from '../model/place';

/**
 * Who draws in a window: feed it what the pointer does, and put a `MeasureLayer` on the picture.
 *
 * @param surface what the window shows at this moment; called whenever the pointer does something
 */
export function useMeasuring(viewer: ViewerController, cellNumber: number, surface: () => MeasureSurface | null): { measures: Measures; pointer: MeasurePointer } {
  const { measures, pointers } = measuringOf(viewer);
  const latest = useRef(surface);
  useEffect(() => {
    latest.current = surface;
  });
  const pointer = useMemo(() => new MeasurePointer(measures, () => latest.current()), [measures]);
  useEffect(() => {
    pointers.set(cellNumber, pointer);
    return () => {
      pointer.cancel();
      pointer.leave();
      if (pointers.get(cellNumber) === pointer) pointers.delete(cellNumber);
    };
  }, [pointers, cellNumber, pointer]);
  return { measures, pointer };
}

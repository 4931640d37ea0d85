import { type RefObject, useEffect, useLayoutEffect, useMemo, useState } from 'react';
import type { Study } from '../../shared/api/types';
import { currentLanguage } from '../../shared/i18n';
import { useInterfaceScale } from '../../shared/theme/InterfaceScale';
import type { StudyColumn } from '../model/columns';
import { shareWidth, type Wish } from '../model/widths';

const cellPaddingPx = 15;
/** The table's digits are all as wide as the widest; a canvas does not know that. */
const tabularShare = 1.08;
const badgePx = 36;

let pen: CanvasRenderingContext2D | null = null;

function textPx(text: string): number {
  pen ??= document.createElement('canvas').getContext('2d');
  if (pen === null) return text.length * 7;
  pen.font = "13px 'Inter Variable', system-ui, sans-serif";
  return Math.ceil(pen.measureText(text).width * (/\d/.test(text) ? tabularShare : 1));
}

function neededPx(column: StudyColumn, studies: readonly Study[]): number {
  if (column.id === 'modalities') return Math.max(0, ...studies.map((study) => study.modalities.length)) * badgePx + cellPaddingPx;
  const language = currentLanguage();
  return Math.max(0, ...studies.map((study) => textPx(column.text(study, language)))) + cellPaddingPx;
}

/** The widths of the columns in pixels of the interface, from the room there is and from what the rows show. */
export function useColumnWidths(scroller: RefObject<HTMLElement | null>, columns: readonly StudyColumn[], studies: readonly Study[], controlsPx: number): number[] {
  const scale = useInterfaceScale();
  const [roomPx, setRoomPx] = useState(0);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const measure = (): void => setRoomPx(element.clientWidth);
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    return () => watch.disconnect();
  }, [scroller]);
  // Until the font is here, text is measured in another one.
  const [fontsReady, setFontsReady] = useState(false);
  useEffect(() => {
    let current = true;
    void document.fonts?.ready.then(() => current && setFontsReady(true));
    return () => {
      current = false;
    };
  }, []);
  const wishes = useMemo<Wish[]>(
    () => columns.map((column) => ({ narrowest: column.width, widest: column.widest, needed: neededPx(column, studies) })),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- measured anew with the right font
    [columns, studies, fontsReady],
  );
  return useMemo(() => shareWidth(wishes, roomPx / scale - controlsPx), [wishes, roomPx, scale, controlsPx]);
}

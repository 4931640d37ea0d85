import { rem } from '@mantine/core';
import { memo } from 'react';
import { useTranslation } from '../../shared/i18n';
import { useStore } from '../control/store';
import type { CellController } from '../control/cell';
import { asShown, isBehind, resolvePlacement } from '../control/cellState';
import { formatNumber } from '../model/numbers';
import { scaleBar, type ScaleBar } from '../model/scaleBar';
import { frameAt, isColour, lettersOf } from '../model/series';
import { ColourBar } from './ColourItems';
import { useViewer } from './context';
import { behindText, cornerTexts, type Translate } from './corners';
import classes from './Overlay.module.css';
import { useLasting } from './useLasting';

const BAR_CSS = 200;
/** Of the texts in a corner: their distance from the edge, and a line, as in the style sheet. */
const CORNER_CSS = 10;
const LINE_CSS = 17;
const BAR_GAP_CSS = 8;

/** So long a picture may be on its way before it is said that another one is seen. */
const LATE_MS = 300;

/** Everything that stands on the image: vectors, so always sharp, and true of the picture that is seen. */
export const Overlay = memo(function Overlay({ cell }: { cell: CellController }) {
  const { t } = useTranslation('viewer');
  const { viewer, study, phone, lying, locale } = useViewer();
  const { overlay } = useStore(viewer.store);
  const state = useStore(cell.store);
  const compact = phone && !lying;
  // Every picture that comes starts the wait anew: while they come, nothing is stuck.
  const late = useLasting(isBehind(state), LATE_MS, state.shown?.sequence);
  const unexplained = useLasting(state.shown !== null && state.detail === null, LATE_MS);
  if (state.reference.seriesId === null) return null;
  if (overlay === 'off') {
    const { bottomRight } = cornerTexts(state, { study, overlay, compact, locale, t: t as Translate });
    return bottomRight.length === 0 ? null : (
      <div className={classes.overlay} data-phone={compact || undefined} aria-hidden>
        <Lines className={classes.bottomRight} lines={bottomRight} />
      </div>
    );
  }
  const frame = frameAt(state.detail, asShown(state).reference.image);
  const placement = state.fault === null && state.shown !== null ? resolvePlacement(state) : null;
  const letters = frame === null || state.fault !== null ? null : lettersOf(frame, state.presentation);
  const { perCss, widthPx, heightPx } = state.canvas;
  const height = heightPx / perCss;
  const room = { width: widthPx / perCss, height };
  const corners = cornerTexts(state, { study, overlay, compact, room, late, locale, t: t as Translate });
  const bar =
    frame === null || placement === null
      ? null
      : scaleBar(placement.zoom / perCss, frame.pixel_scale ?? null, Math.min(BAR_CSS, height * 0.24));
  const behind = late ? behindText(state, locale, t as Translate) : '';
  return (
    <div className={classes.overlay} data-phone={compact || undefined} data-overlay="" aria-hidden>
      <Lines className={classes.topLeft} lines={corners.topLeft} strong />
      <Lines className={classes.topRight} lines={corners.topRight} strong />
      <Lines className={classes.bottomLeft} lines={corners.bottomLeft} />
      <Lines className={classes.bottomRight} lines={corners.bottomRight} />
      {letters !== null && (
        <>
          <span className={`${classes.letter} ${classes.top}`}>{letters.top}</span>
          <span className={`${classes.letter} ${classes.right}`}>{letters.right}</span>
          <span className={`${classes.letter} ${classes.bottom}`}>{letters.bottom}</span>
          <span className={`${classes.letter} ${classes.left}`}>{letters.left}</span>
        </>
      )}
      {state.shown !== null && state.fault === null && height > 200 && (frame === null || !isColour(frame)) && <ColourBar table={state.shown.data.colours} inverted={state.shown.data.invert} />}
      {behind !== '' && <span className={classes.behind}>{behind}</span>}
      {unexplained && <span className={classes.unexplained}>{t('unexplained')}</span>}
      {bar !== null && fitsBar(height, corners.bottomRight.length, compact) && <Bar bar={bar} below={corners.bottomRight.length} compact={compact} locale={locale} t={t as Translate} />}
    </div>
  );
});

export function Lines({ className, lines, strong = false }: { className: string | undefined; lines: readonly string[]; strong?: boolean }) {
  return (
    <div className={className}>
      {lines.map((line, index) => (
        <div key={index} className={strong && index === 0 ? classes.strong : undefined}>
          {line}
        </div>
      ))}
    </div>
  );
}

/** The words beside the bar, for the eye and for the export: those of a ruler. */
export function barLabel(bar: ScaleBar, locale: string, t: Translate): string {
  const length = `${formatNumber(bar.value, locale, 3)} ${bar.unit}`;
  if (bar.source === 'detector') return t('measure.onDetector', { length });
  return bar.source === 'calibrated' ? t('measure.calibrated', { length }) : length;
}

/** The ticks of the bar, from its lower end: a path in a box of `width` pixels, the line at the right. */
export function barPath(bar: ScaleBar, width: number): string {
  const end = bar.lengthCss;
  const parts = [`M${width - 1} 0V${end}`];
  for (let index = 0; index <= bar.parts; index += 1) {
    const y = (end * index) / bar.parts;
    const long = index === 0 || index === bar.parts;
    parts.push(`M${width - 1} ${y}h${-(long ? width - 2 : (width - 2) / 2)}`);
  }
  return parts.join('');
}

interface BarProps {
  bar: ScaleBar;
  /** Lines of text in the corner below. */
  below: number;
  compact: boolean;
  locale: string;
  t: Translate;
}

/** Distance of the scale from the lower edge: above all lines of the corner below it. */
export function barBottom(below: number, compact: boolean): number {
  return Math.max(compact ? 64 : 56, CORNER_CSS + LINE_CSS * below + BAR_GAP_CSS);
}

/** Whether a window is high enough for the scale below the letter at its edge. */
export function fitsBar(heightCss: number, below: number, compact: boolean): boolean {
  return heightCss > 260 + 2 * (barBottom(below, compact) - barBottom(0, compact));
}

/** The scale. */
export function Bar({ bar, below, compact, locale, t }: BarProps) {
  const path = barPath(bar, 9);
  return (
    <div className={classes.bar} style={{ bottom: rem(barBottom(below, compact)) }}>
      <svg style={{ width: rem(13), height: rem(bar.lengthCss + 4) }} viewBox={`-2 -2 13 ${bar.lengthCss + 4}`} data-scale-bar={bar.lengthCss}>
        <path d={path} className={classes.barEdge} />
        <path d={path} className={classes.barLine} />
      </svg>
      <span>{barLabel(bar, locale, t)}</span>
    </div>
  );
}

import { useTranslation } from '../../../shared/i18n';
import { useStore } from '../../control/store';
import { InInterfacePixels } from '../../ui/InInterfacePixels';
import { canvasOfPlane, type PlaneKind, type PlaneView } from '../../model/plane';
import { drawnLines, type Segment } from '../model/lines';
import { useMpr } from './context';
import classes from './mpr.module.css';

const RING_PX = 6;
const BADGE_PX = 18;
const CURSOR_PX = 11;

/** The other planes as coloured lines with letters, rings to turn them and dots for the faces of a slab; and the 3D cursor. */
export function PlaneLines({ kind, view }: { kind: PlaneKind; view: PlaneView }) {
  const { t } = useTranslation('viewer');
  const { mpr } = useMpr();
  const { planes, lines, slab, thicknessMm, cursor } = useStore(mpr.store);
  const { perCss } = mpr.cell(kind).state.canvas;
  if (planes === null) return null;
  const drawn = lines ? drawnLines(planes, view, perCss, slab === 'plane' ? null : thicknessMm) : null;
  const at = cursor === null ? null : canvasOfPlane(view, cursor);
  return (
    <svg className={classes.lines} aria-hidden data-lines={kind}>
      <InInterfacePixels>
        {drawn?.lines.map(({ kind: of, segments, rings, badge, faces }) => (
          <g key={of} className={classes.line} data-plane={of}>
            {faces.map((face, index) => (
              <Line key={`face-${index}`} of={face} className={classes.face} edge={false} />
            ))}
            {segments.map((segment, index) => (
              <Line key={`line-${index}`} of={segment} className={classes.stroke} />
            ))}
            {rings.map((ring, index) => (
              <g key={`ring-${index}`} data-ring={of}>
                <circle cx={ring.x} cy={ring.y} r={RING_PX} className={classes.edge} />
                <circle cx={ring.x} cy={ring.y} r={RING_PX} className={classes.ring} />
              </g>
            ))}
            <rect x={badge.x - BADGE_PX / 2} y={badge.y - BADGE_PX / 2} width={BADGE_PX} height={BADGE_PX} rx={4} className={classes.badge} />
            <text x={badge.x} y={badge.y + 4} className={classes.letter}>
              {t(`mpr.letter.${of}`)}
            </text>
          </g>
        ))}
        {drawn !== null && drawn.lines.length > 0 && <circle cx={drawn.crossing.x} cy={drawn.crossing.y} r={RING_PX} className={classes.crossing} data-crossing="" />}
        {at !== null && <Cursor x={at.x / perCss} y={at.y / perCss} beside={Math.abs(at.depth) > 0.5} />}
      </InInterfacePixels>
    </svg>
  );
}

function Line({ of: { from, to }, className, edge = true }: { of: Segment; className: string | undefined; edge?: boolean }) {
  const ends = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
  return (
    <>
      {edge && <line {...ends} className={classes.edge} />}
      <line {...ends} className={className} />
    </>
  );
}

/** The point that all windows show; dashed where it lies before or behind the plane. */
export function Cursor({ x, y, beside }: { x: number; y: number; beside: boolean }) {
  const path = `M${x - CURSOR_PX} ${y}h${CURSOR_PX - 3}M${x + 3} ${y}h${CURSOR_PX - 3}M${x} ${y - CURSOR_PX}v${CURSOR_PX - 3}M${x} ${y + 3}v${CURSOR_PX - 3}`;
  return (
    <g data-cursor="" data-beside={beside || undefined}>
      <path d={path} className={classes.edge} />
      <path d={path} className={classes.cursor} />
    </g>
  );
}

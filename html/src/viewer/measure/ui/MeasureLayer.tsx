import { memo, useEffect, useLayoutEffect, useMemo } from 'react';
import { useTranslation } from '../../../shared/i18n';
import { InInterfacePixels } from '../../ui/InInterfacePixels';
import { useStore } from '../../control/store';
import type { Point } from '../../model/geometry';
import type { MeasureTool } from '../../model/tools';
import { useViewer } from '../../ui/context';
import type { Answers, Draft, Measures } from '../control/measures';
import type { MeasurePointer } from '../control/pointer';
import { type Box, labelBoxes, LINE_PX, ticks, tie } from '../model/layout';
import type { MeasureSurface, Place } from '../model/place';
import { beginsLine, handles, outlines, perpendiculars, toolShapes } from '../model/shapes';
import { type Label, labelOf, type Translate } from '../model/text';
import classes from './measure.module.css';
import { sizeOfText } from './sizeOfText';

interface MeasureLayerProps {
  measures: Measures;
  pointer: MeasurePointer;
  surface: MeasureSurface;
}

const HANDLE_PX = 6;

/** Everything measured in a window, as vectors over its picture: sharp and at once, whatever the line. */
export const MeasureLayer = memo(function MeasureLayer({ measures, pointer, surface }: MeasureLayerProps) {
  const { t } = useTranslation('viewer');
  const { locale } = useViewer();
  const state = useStore(measures.store);
  const items = measures.shown(surface);
  const { chosen, hovered, probe, cursor } = state;
  const draft = state.draft !== null && surface.shows(state.draft.place) ? state.draft : null;
  const inWords = (tool: MeasureTool, place: Place, points: readonly Point[], answers: Answers): Label => {
    const answer = answers[surface.basis];
    return labelOf({ tool, place, points, measured: answer?.measured ?? null, fault: answer?.fault ?? null }, surface.cautions, locale, t as Translate);
  };
  const said = items.map((item) => ({ item, label: inWords(item.tool, item.place, item.points, item.answers) }));
  const spoken = said.filter(({ label }) => label.lines.length > 0);
  const boxes = labelBoxes(
    spoken.map(({ item, label }) => ({ places: placesOf(item.tool, item.points, item.place, surface), offset: item.label, size: sizeOfLabel(label), lines: linesOf(item.tool, item.points, item.place, surface) })),
    surface,
  );
  const boxOf = new Map(spoken.map(({ item }, index) => [item, boxes[index] ?? null]));
  const drawn = said.map(({ item, label }) => ({ item, label, box: boxOf.get(item) ?? null }));

  useEffect(() => measures.ensure(surface));
  useLayoutEffect(() => {
    pointer.setLabels(new Map(drawn.flatMap(({ item, box }): [number, Box][] => (box === null ? [] : [[item.id, box]]))));
  });

  if (surface.place === null) return null;
  const own = cursor !== null && cursor.cellNumber === surface.cellNumber ? cursor.at : null;
  return (
    <>
      <svg className={classes.layer} aria-hidden data-measure-layer={surface.cellNumber}>
        <InInterfacePixels>
          {drawn.map(({ item, label, box }) => (
            <g key={item.id} className={classes.item} data-measurement={item.id} data-tool={item.tool} data-chosen={item.id === chosen || undefined} data-hovered={item.id === hovered || undefined}>
              <Shape tool={item.tool} points={item.points} place={item.place} surface={surface} />
              {item.id === chosen && handles(item.tool, item.points).map((point, index) => <Handle key={index} at={surface.toCanvas(point, item.place)} />)}
              {box !== null && <Words label={label} box={box} to={linesOf(item.tool, item.points, item.place, surface)} />}
            </g>
          ))}
          {draft !== null && <DraftShape draft={draft} surface={surface} taken={boxes} label={inWords(draft.tool, draft.place, pointsOf(draft), draft.answers)} />}
          {probe !== null && draft === null && probe.cellNumber === surface.cellNumber && surface.shows(probe.place) && (
            <ProbeWords at={surface.toCanvas(probe.point, probe.place)} surface={surface} taken={boxes} label={inWords('point', probe.place, [probe.point], probe.answers)} />
          )}
          {own !== null && <Lines of={[[{ x: own.x - 12, y: own.y }, { x: own.x + 12, y: own.y }], [{ x: own.x, y: own.y - 12 }, { x: own.x, y: own.y + 12 }]]} className={classes.cross} />}
        </InInterfacePixels>
      </svg>
      <Hint draft={draft !== null && draft.cellNumber === surface.cellNumber ? draft : null} byKeys={own !== null} pointer={pointer} />
    </>
  );
});

interface FreeLabel {
  surface: MeasureSurface;
  /** Labels that stand already. */
  taken: readonly Box[];
  label: Label;
}

function DraftShape({ draft, surface, taken, label }: FreeLabel & { draft: Draft }) {
  const points = pointsOf(draft);
  const places = placesOf(draft.tool, points, draft.place, surface);
  const box = label.lines.length === 0 || places.length === 0 ? null : (labelBoxes([{ places, offset: null, size: sizeOfLabel(label) }], surface, taken)[0] ?? null);
  return (
    <g className={classes.draft} data-draft={draft.tool}>
      <Shape tool={draft.tool} points={points} place={draft.place} surface={surface} open />
      {draft.fixed.map((point, index) => (
        <Handle key={index} at={surface.toCanvas(point, draft.place)} />
      ))}
      {box !== null && <Words label={label} box={box} to={linesOf(draft.tool, points, draft.place, surface)} />}
    </g>
  );
}

function Shape({ tool, points, place, surface, open = false }: { tool: MeasureTool; points: readonly Point[]; place: Place; surface: MeasureSurface; open?: boolean }) {
  const at = (point: Point): Point => surface.toCanvas(point, place);
  const lines = outlines(open && tool === 'polygon' && points.length < 3 ? 'polyline' : tool, points).map((line) => line.map(at));
  const places = points.map(at);
  const [only] = places;
  const dotted = tool === 'cobb' ? perpendiculars(places) : [];
  return (
    <>
      {dotted.length > 0 && <Lines of={dotted} className={classes.dotted} thin />}
      <Lines of={tool === 'ruler' ? [...lines, ...ticks(lines[0])] : lines} />
      {tool === 'point' && only !== undefined && (
        <Lines
          of={[
            [{ x: only.x - 6, y: only.y }, { x: only.x + 6, y: only.y }],
            [{ x: only.x, y: only.y - 6 }, { x: only.x, y: only.y + 6 }],
          ]}
        />
      )}
    </>
  );
}

function Lines({ of, className = '', thin = false }: { of: readonly (readonly Point[])[]; className?: string | undefined; thin?: boolean }) {
  const path = of.map((line) => line.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(2)} ${y.toFixed(2)}`).join('')).join('');
  if (path === '' || path.includes('NaN')) return null;
  return (
    <>
      <path d={path} className={`${classes.edge} ${thin ? classes.thinEdge : ''}`} />
      <path d={path} className={`${classes.line} ${className}`} />
    </>
  );
}

function Handle({ at }: { at: Point }) {
  return (
    <>
      <circle cx={at.x} cy={at.y} r={HANDLE_PX} className={classes.handleEdge} />
      <circle cx={at.x} cy={at.y} r={HANDLE_PX} className={classes.handle} data-handle="" />
    </>
  );
}

function Words({ label, box, to }: { label: Label; box: Box; to: readonly (readonly Point[])[] }) {
  const tied = tie(box, to);
  return (
    <>
      {tied !== null && <Lines of={[tied]} className={classes.dotted} thin />}
      <text className={classes.text} data-label="">
        {[...label.lines, ...label.cautions].map((line, index) => (
          <tspan key={index} x={box.left + 4} y={box.top + 13 + index * LINE_PX} className={index < label.lines.length ? undefined : classes.caution}>
            {line}
          </tspan>
        ))}
      </text>
    </>
  );
}

function ProbeWords({ at, surface, taken, label }: FreeLabel & { at: Point }) {
  if (label.lines.length === 0) return null;
  const around = [
    { x: at.x - 6, y: at.y - 6 },
    { x: at.x + 6, y: at.y + 6 },
  ];
  const [box] = labelBoxes([{ places: around, offset: null, size: sizeOfLabel(label) }], surface, taken);
  return <g data-probe="">{box !== undefined && <Words label={label} box={box} to={[[at]]} />}</g>;
}

/** What to do next; on a touch screen with the buttons that a mouse has no need of. */
function Hint({ draft, byKeys, pointer }: { draft: Draft | null; byKeys: boolean; pointer: MeasurePointer }) {
  const { t } = useTranslation('viewer');
  const coarse = useMemo(() => window.matchMedia('(pointer: coarse)').matches, []);
  if (draft === null && !byKeys) return null;
  if (draft === null || byKeys) return <div className={classes.hint}>{t('measure.hint.keys')}</div>;
  const { open, closed } = toolShapes[draft.tool];
  const line = beginsLine(draft.tool, draft.fixed.length);
  const key = coarse
    ? line
      ? 'measure.hint.tapLine'
      : open
        ? 'measure.hint.tapMore'
        : 'measure.hint.tapNext'
    : line
      ? 'measure.hint.line'
      : open
        ? closed
          ? 'measure.hint.close'
          : 'measure.hint.more'
        : 'measure.hint.next';
  return (
    <div className={classes.hint} data-chrome="" data-hint-bar="">
      <span>{t(key)}</span>
      {coarse && open && draft.fixed.length >= toolShapes[draft.tool].points && (
        <button type="button" onClick={() => pointer.finish()}>
          {t('measure.done')}
        </button>
      )}
      {coarse && (
        <button type="button" onClick={() => pointer.drop()}>
          {t('measure.drop')}
        </button>
      )}
    </div>
  );
}

function pointsOf({ fixed, floating }: Draft): readonly Point[] {
  return floating === null ? fixed : [...fixed, floating];
}

/** What is drawn of a shape, in the window. */
function linesOf(tool: MeasureTool, points: readonly Point[], place: Place, surface: MeasureSurface): Point[][] {
  const lines = tool === 'point' ? [[...points]] : outlines(tool, points);
  return lines.map((line) => line.map((point) => surface.toCanvas(point, place)));
}

function placesOf(tool: MeasureTool, points: readonly Point[], place: Place, surface: MeasureSurface): Point[] {
  const held = tool === 'ellipse' || tool === 'rectangle' ? handles(tool, points) : points;
  return held.map((point) => surface.toCanvas(point, place));
}

function sizeOfLabel({ lines, cautions }: Label): { width: number; height: number } {
  const all = [...lines, ...cautions];
  return { width: Math.max(...all.map(sizeOfText)), height: all.length * LINE_PX };
}


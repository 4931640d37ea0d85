import { describe, expect, it } from 'vitest';
import type { Tool } from '../../model/tools';
import { Desk, surfaceOf } from '../testing';

const at = (x: number, y: number): { x: number; y: number } => ({ x, y });

function click(desk: Desk, x: number, y: number, tool: Tool): void {
  desk.pointer.hover(at(x, y), tool);
  if (desk.pointer.down(at(x, y), tool, false)) desk.pointer.up(at(x, y));
}

function drag(desk: Desk, from: [number, number], to: [number, number], tool: Tool): boolean {
  const taken = desk.pointer.down(at(...from), tool, false);
  desk.pointer.move(at((from[0] + to[0]) / 2, (from[1] + to[1]) / 2));
  desk.pointer.move(at(...to));
  desk.pointer.up(at(...to));
  return taken;
}

describe('drawing', () => {
  it('takes click, move and click', () => {
    const desk = new Desk();
    click(desk, 100, 100, 'ruler');
    expect(desk.measures.state.draft?.fixed).toEqual([at(50, 50)]);
    desk.pointer.hover(at(140, 100), 'ruler');
    expect(desk.measures.state.draft?.floating).toEqual(at(70, 50));
    click(desk, 200, 100, 'ruler');
    expect(desk.measures.state.items).toMatchObject([{ tool: 'ruler', points: [at(50, 50), at(100, 50)] }]);
    expect(desk.measures.state.draft).toBeNull();
  });

  it('takes press, drag and release', () => {
    const desk = new Desk();
    expect(drag(desk, [100, 100], [200, 160], 'rectangle')).toBe(true);
    expect(desk.measures.state.items).toMatchObject([{ tool: 'rectangle', points: [at(50, 50), at(100, 80)] }]);
  });

  it('makes no line without a length of a double click', () => {
    const desk = new Desk();
    click(desk, 100, 100, 'ruler');
    click(desk, 101, 100, 'ruler');
    expect(desk.measures.state.items).toEqual([]);
    expect(desk.measures.state.draft?.fixed).toHaveLength(1);
  });

  it('draws an angle by a drag and a click, and two lines of a Cobb angle by two drags', () => {
    const desk = new Desk();
    drag(desk, [20, 20], [60, 20], 'angle');
    expect(desk.measures.state.draft?.fixed).toHaveLength(2);
    click(desk, 60, 90, 'angle');
    expect(desk.measures.state.items[0]?.points).toHaveLength(3);
    drag(desk, [100, 200], [150, 200], 'cobb');
    desk.pointer.hover(at(300, 100), 'cobb');
    expect(desk.measures.state.draft?.floating).toBeNull(); // the next point begins a line of its own
    drag(desk, [200, 250], [250, 280], 'cobb');
    expect(desk.measures.state.items[1]?.points).toEqual([at(50, 100), at(75, 100), at(100, 125), at(125, 140)]);
  });

  it('ends a broken line by a double click, and closes a polygon on its first point', () => {
    const desk = new Desk();
    for (const [x, y] of [[20, 20], [60, 20], [60, 80], [61, 80]] as const) click(desk, x, y, 'polyline');
    expect(desk.measures.state.items[0]?.points).toEqual([at(10, 10), at(30, 10), at(30, 40)]);
    for (const [x, y] of [[200, 100], [260, 100], [260, 180], [204, 103]] as const) click(desk, x, y, 'polygon');
    expect(desk.measures.state.items[1]?.points).toEqual([at(100, 50), at(130, 50), at(130, 90)]);
  });

  it('ends by Enter, takes back points one by one, and drops the rest', () => {
    const desk = new Desk();
    for (const [x, y] of [[20, 20], [60, 20], [60, 80]] as const) click(desk, x, y, 'polygon');
    expect(desk.pointer.back()).toBe(true);
    expect(desk.measures.state.draft?.fixed).toHaveLength(2);
    expect(desk.pointer.finish()).toBe(false); // two points are no polygon
    click(desk, 90, 90, 'polygon');
    expect(desk.pointer.key('Enter', false, 'polygon')).toBe(true);
    expect(desk.measures.state.items).toHaveLength(1);
    click(desk, 300, 200, 'ruler');
    expect(desk.pointer.drop()).toBe(true);
    expect(desk.pointer.drop()).toBe(false);
    expect(desk.measures.state.items).toHaveLength(1);
  });

  it('drops what is unfinished when another tool, window or image takes over', () => {
    const desk = new Desk();
    click(desk, 100, 100, 'ruler');
    click(desk, 200, 200, 'ellipse');
    expect(desk.measures.state.draft?.tool).toBe('ellipse');
    desk.surface = surfaceOf(101);
    click(desk, 50, 50, 'ellipse');
    expect(desk.measures.state.draft).toMatchObject({ place: { image: { instance_id: 101 } }, fixed: [at(25, 25)] });
    desk.surface = surfaceOf(101, 1);
    click(desk, 60, 60, 'ellipse');
    expect(desk.measures.state.draft).toMatchObject({ cellNumber: 1, fixed: [at(30, 30)] });
  });

  it('ends the drawing when the left button gets another tool, and not before', () => {
    const desk = new Desk();
    desk.pointer.hover(at(90, 90), 'scroll');
    desk.pointer.down(at(100, 100), 'ruler', false); // with the right button, say
    desk.pointer.up(at(100, 100));
    desk.pointer.hover(at(150, 100), 'scroll');
    expect(desk.measures.state.draft?.floating).toEqual(at(75, 50));
    desk.pointer.hover(at(160, 100), 'pan');
    expect(desk.measures.state.draft).toBeNull();
  });

  it('forgets a press that another gesture took', () => {
    const desk = new Desk();
    desk.pointer.down(at(100, 100), 'ruler', true);
    desk.pointer.move(at(150, 100));
    desk.pointer.cancel();
    expect(desk.measures.state.draft).toBeNull();
  });

  it('leaves other tools alone, and what cannot be measured', () => {
    const desk = new Desk();
    expect(desk.pointer.down(at(100, 100), 'scroll', false)).toBe(false);
    desk.surface = surfaceOf(null);
    expect(desk.pointer.down(at(100, 100), 'ruler', false)).toBe(false);
  });

  it('draws with the keyboard alone', () => {
    const desk = new Desk();
    expect(desk.pointer.key('Enter', false, 'scroll')).toBe(false);
    expect(desk.pointer.key('ArrowLeft', false, 'ruler')).toBe(false); // nothing is drawn: it is the page's
    expect(desk.pointer.key('Enter', false, 'ruler')).toBe(true);
    expect(desk.measures.state.cursor).toEqual({ cellNumber: 0, at: at(200, 150) });
    desk.pointer.key('Enter', false, 'ruler');
    for (let step = 0; step < 4; step += 1) desk.pointer.key('ArrowRight', true, 'ruler');
    desk.pointer.key('ArrowDown', false, 'ruler');
    desk.pointer.key('Enter', false, 'ruler');
    expect(desk.measures.state.items[0]?.points).toEqual([at(100, 75), at(120, 75.5)]);
    expect(desk.pointer.key('Escape', false, 'ruler')).toBe(true);
    expect(desk.measures.state.cursor).toBeNull();
  });
});

describe('editing', () => {
  function withRuler(): Desk {
    const desk = new Desk();
    drag(desk, [100, 100], [200, 100], 'ruler');
    return desk;
  }

  it('drags an end, the whole or the label, whatever tool the left button has', () => {
    const desk = withRuler();
    expect(drag(desk, [203, 104], [223, 124], 'scroll')).toBe(true);
    expect(desk.measures.state.items[0]?.points).toEqual([at(50, 50), at(110, 60)]);
    expect(drag(desk, [160, 110], [160, 130], 'scroll')).toBe(true);
    expect(desk.measures.state.items[0]?.points).toEqual([at(50, 60), at(110, 70)]);
    desk.pointer.setLabels(new Map([[1, { left: 230, top: 100, width: 60, height: 20 }]]));
    expect(desk.pointer.down(at(240, 110), 'scroll', false)).toBe(true);
    desk.pointer.move(at(250, 100));
    desk.pointer.setLabels(new Map([[1, { left: 240, top: 90, width: 60, height: 20 }]])); // as it is drawn by now
    desk.pointer.move(at(260, 90));
    desk.pointer.up(at(260, 90));
    // The middle of the shape is at (160, 130): the label stood 70 right and 30 above it.
    expect(desk.measures.state.items[0]?.label).toEqual(at(70 + 20, -30 - 20));
    expect(desk.measures.state.items[0]?.points).toEqual([at(50, 60), at(110, 70)]);
  });

  it('is wider to hit for fingers', () => {
    const desk = withRuler();
    expect(desk.pointer.gripAt(at(218, 108), false)).toBeNull();
    expect(desk.pointer.gripAt(at(218, 108), true)).toEqual({ id: 1, part: 'handle', handle: 1 });
  });

  it('takes back drags, drawings and deletions in their order', () => {
    const desk = withRuler();
    drag(desk, [200, 100], [240, 140], 'scroll');
    desk.measures.removeOne(1);
    expect(desk.measures.state.items).toEqual([]);
    expect(desk.measures.undo()).toBe(true);
    expect(desk.measures.state.items[0]?.points[1]).toEqual(at(120, 70));
    expect(desk.measures.undo()).toBe(true);
    expect(desk.measures.state.items[0]?.points[1]).toEqual(at(100, 50));
    expect(desk.measures.undo()).toBe(true);
    expect(desk.measures.state.items).toEqual([]);
    expect(desk.measures.undo()).toBe(false);
  });

  it('takes a drag back that another gesture took', () => {
    const desk = withRuler();
    desk.pointer.down(at(200, 100), 'scroll', true);
    desk.pointer.move(at(240, 140));
    desk.pointer.cancel();
    expect(desk.measures.state.items[0]?.points[1]).toEqual(at(100, 50));
  });

  it('belongs to its image: gone on another, hit on none', () => {
    const desk = withRuler();
    desk.surface = surfaceOf(101);
    expect(desk.measures.shown(desk.surface)).toEqual([]);
    expect(desk.pointer.gripAt(at(150, 100), false)).toBeNull();
    desk.surface = surfaceOf(100, 0, 4);
    // Twice as large about the middle of the image.
    expect(desk.pointer.gripAt(at(100, 50), false)).toMatchObject({ id: 1 });
  });

  it('deletes one, all of an image, all of the series', () => {
    const desk = withRuler();
    drag(desk, [100, 200], [200, 200], 'ruler');
    desk.surface = surfaceOf(101);
    drag(desk, [100, 100], [200, 100], 'ruler');
    desk.surface = surfaceOf(100);
    const place = desk.surface.place;
    if (place !== null) desk.measures.removeAllOf(place);
    expect(desk.measures.state.items.map((one) => one.id)).toEqual([3]);
    desk.measures.undo();
    desk.measures.removeAllOfSeries(7);
    expect(desk.measures.state).toMatchObject({ items: [], chosen: null });
  });

  it('lets go of the chosen one when something else is clicked', () => {
    const desk = withRuler();
    expect(desk.measures.state.chosen).toBe(1);
    desk.pointer.down(at(20, 280), 'scroll', false);
    expect(desk.measures.state.chosen).toBeNull();
    desk.pointer.openMenu(at(150, 100), false);
    expect(desk.measures.state.menu).toBe(1);
    desk.pointer.openMenu(at(20, 280), false);
    expect(desk.measures.state.menu).toBeNull();
  });
});

describe('values', () => {
  it('follow the pointer: the newest question wins, at most twenty a second', async () => {
    const desk = new Desk();
    desk.pointer.down(at(100, 100), 'ruler', false);
    for (let x = 110; x <= 200; x += 10) desk.pointer.move(at(x, 100));
    expect(desk.asked).toHaveLength(1);
    await desk.clock.pass(49);
    expect(desk.asked).toHaveLength(1);
    await desk.clock.pass(1);
    expect(desk.asked).toHaveLength(2);
    expect(desk.last.what.points[1]).toEqual([100, 50]);
    await desk.last.answer({ length: 33 });
    expect(desk.measures.state.draft?.answers['']?.measured?.length).toBe(33);
  });

  it('of a finished shape are asked for once, and kept', async () => {
    const desk = new Desk();
    drag(desk, [100, 100], [200, 100], 'ruler');
    await desk.clock.pass(100);
    const { length } = desk.asked;
    await desk.last.answer({ length: 50 });
    expect(desk.measures.state.items[0]?.answers['']?.measured?.length).toBe(50);
    for (let turn = 0; turn < 3; turn += 1) desk.measures.ensure(surfaceOf(100));
    await desk.clock.pass(1000);
    expect(desk.asked).toHaveLength(length);
  });

  it('of points that were left are not taken for those of the new ones', async () => {
    const desk = new Desk();
    drag(desk, [100, 100], [200, 100], 'ruler');
    await desk.clock.pass(100);
    const old = desk.last;
    drag(desk, [200, 100], [300, 100], 'scroll');
    await desk.clock.pass(100);
    await old.answer({ length: 50 });
    desk.measures.ensure(surfaceOf(100));
    const item = desk.measures.state.items[0];
    expect(item?.answers['']?.points).not.toBe(item?.points);
    await desk.last.answer({ length: 100 });
    expect(desk.measures.state.items[0]?.answers['']?.measured?.length).toBe(100);
  });

  it('are asked for again after the line was lost, and once the volume is there', async () => {
    const desk = new Desk();
    for (const code of ['lost', 'volume_loading']) {
      drag(desk, [100, 100], [200, 100 + desk.asked.length], 'ruler');
      await desk.clock.pass(100);
      const before = desk.asked.length;
      await desk.last.refuse(code);
      desk.measures.ensure(surfaceOf(100));
      expect(desk.asked).toHaveLength(before);
      await desk.clock.pass(1000);
      desk.measures.ensure(surfaceOf(100));
      expect(desk.asked).toHaveLength(before + 1);
      await desk.last.answer({ length: 1 });
      expect(desk.measures.state.items.at(-1)?.answers['']?.measured?.length).toBe(1);
      desk.measures.choose(null);
      desk.measures.removeAllOfSeries(7);
    }
  });

  it('that are refused say so, and are not asked for without end', async () => {
    const desk = new Desk();
    drag(desk, [100, 100], [200, 100], 'ellipse');
    await desk.clock.pass(100);
    const { length } = desk.asked;
    await desk.last.refuse('region_too_large');
    expect(desk.measures.state.items[0]?.answers['']?.fault?.code).toBe('region_too_large');
    await desk.clock.pass(5000);
    desk.measures.ensure(surfaceOf(100));
    expect(desk.asked).toHaveLength(length);
  });

  it('under the pointer come while it hovers with the point value, and go with it', async () => {
    const desk = new Desk();
    desk.pointer.hover(at(100, 100), 'scroll');
    expect(desk.asked).toHaveLength(0);
    desk.pointer.hover(at(100, 100), 'point');
    expect(desk.last.what).toMatchObject({ shape: 'point', points: [[50, 50]] });
    await desk.last.answer({ values: [42] });
    expect(desk.measures.state.probe?.answers['']?.measured?.values).toEqual([42]);
    desk.pointer.leave();
    expect(desk.measures.state.probe).toBeNull();
    click(desk, 100, 100, 'point');
    expect(desk.measures.state.items).toMatchObject([{ tool: 'point', points: [at(50, 50)] }]);
  });

  it('that a slab changed are asked for again, and those of the other slab stay known', async () => {
    const desk = new Desk();
    drag(desk, [100, 100], [200, 100], 'ellipse');
    await desk.clock.pass(100);
    await desk.last.answer({ area: 1 });
    const slab = { ...surfaceOf(100), basis: 'mip/10/trilinear' };
    desk.measures.ensure(slab);
    await desk.last.answer({ area: 2 });
    const answers = desk.measures.state.items[0]?.answers;
    expect([answers?.['']?.measured?.area, answers?.['mip/10/trilinear']?.measured?.area]).toEqual([1, 2]);
    const { length } = desk.asked;
    desk.measures.ensure(surfaceOf(100));
    desk.measures.ensure(slab);
    expect(desk.asked).toHaveLength(length);
  });
});

import { act, cleanup, fireEvent, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { standardFrame } from '../model/orientations';
import type { Preset } from '../../../shared/protocol/messages';
import { inGroups, inOrder } from '../model/presets';
import { boneLook, mipLook, VolumeStage } from '../testing';
import { ClipOverlay } from './ClipOverlay';
import { drawnCamera } from './context';
import { Corners } from './Corners';
import { orientationText } from './corners';
import { Cube } from './Cube';
import { SaveLookDialog } from './dialogs';
import { DrawOverlay } from './DrawOverlay';
import { OrientationPanel } from './OrientationPanel';
import { PresetStrip } from './PresetStrip';
import { TransferPanel } from './TransferPanel';

let stage: VolumeStage;
beforeEach(async () => {
  stage = new VolumeStage();
  await stage.open();
  stage.facts();
});
afterEach(cleanup);

const rightOf = (): readonly number[] => (stage.lastCamera['pose'] as { right_lps: number[] }).right_lps;

describe('the orientation panel', () => {
  it('turns the model and shows from where it is seen', () => {
    stage.show(<OrientationPanel />);
    expect(screen.getByRole('button', { name: 'AP: Anterior-posterior' })).toHaveAttribute('aria-pressed', 'true');
    fireEvent.click(screen.getByRole('button', { name: 'L: From the left' }));
    expect(rightOf()).toEqual([0, 1, 0]);
    expect(screen.getByRole('button', { name: 'L: From the left' })).toHaveAttribute('aria-pressed', 'true');
    fireEvent.click(screen.getByRole('button', { name: 'LAO: Left anterior oblique' }));
    expect(rightOf()[0]).toBeCloseTo(Math.SQRT1_2, 9);
  });
});

describe('the cube', () => {
  it('shows the faces towards the viewer; a click or Enter turns one to him', () => {
    stage.show(<Cube />);
    expect(screen.getAllByRole('button')).toHaveLength(1);
    act(() => stage.scene.orient(standardFrame('LAO', 30), 1));
    const left = screen.getByRole('button', { name: 'From the left' });
    fireEvent.keyDown(left, { key: 'Enter' });
    expect(rightOf()).toEqual([0, 1, 0]);
  });
});

describe('presets', () => {
  it('begin with the default one and are chosen by a click', () => {
    stage.show(<PresetStrip />);
    const [first, second] = within(screen.getByRole('group', { name: 'Presets' })).getAllByRole('button');
    expect(first).toHaveAccessibleName('Bone + vessels');
    expect(first).toHaveAttribute('aria-pressed', 'true');
    fireEvent.click(second as HTMLElement);
    expect((stage.lastCamera['look'] as { mode: string }).mode).toBe('mip');
  });
});

describe('looks of one’s own', () => {
  const strip = (): HTMLElement => screen.getByRole('group', { name: 'Presets' });

  it('stand in the strip once they are saved, which the button says, and give the corner their name', async () => {
    stage.show(
      <>
        <PresetStrip />
        <TransferPanel onClose={() => undefined} />
        <SaveLookDialog opened onClose={() => undefined} />
        <Corners detail={null} />
      </>,
    );
    act(() => stage.scene.setMode('mip', 1));
    act(() => stage.scene.dragWindow(stage.scene.state.look ?? boneLook, { width: 500, center: 90 }, 2));
    act(() => stage.scene.keepLook());
    await act(() => stage.picture());
    expect(screen.getByText(/Own values/)).toBeInTheDocument();
    fireEvent.change(screen.getByRole('textbox', { name: 'Name' }), { target: { value: 'My hip' } });
    const asked = stage.sent('camera').length;
    fireEvent.click(screen.getByRole('button', { name: 'Save' }));
    expect(await within(strip()).findByRole('button', { name: 'My hip' })).toHaveAttribute('aria-pressed', 'true');
    expect(screen.getByRole('button', { name: 'Saved' })).toBeInTheDocument();
    expect(screen.queryByText(/Own values/)).toBeNull();
    expect(screen.getByText(/^My hip · AP$/)).toBeInTheDocument();
    expect(stage.sent('camera')).toHaveLength(asked);
    fireEvent.click(within(strip()).getByRole('button', { name: 'Bone + vessels' }));
    fireEvent.click(within(strip()).getByRole('button', { name: 'My hip' }));
    expect(stage.scene.state.name).toEqual({ kind: 'own', name: 'My hip' });
    expect(await screen.findByRole('button', { name: 'Save as…' }, { timeout: 4000 })).toBeInTheDocument();
  });
});

describe('pictures of presets', () => {
  it('are waited for in grey, and given up with a sign', () => {
    const { container } = stage.show(<PresetStrip />);
    const card = (): Element | null => container.querySelector('[data-preset="ct_mip"]');
    expect(card()?.querySelector('[data-waiting]')).not.toBeNull();
    expect(card()?.querySelector('canvas')).toBeNull();
    act(() => stage.thumbnails.store.set({ failed: new Set(['ct_mip']) }));
    expect(card()?.querySelector('[data-waiting]')).toBeNull();
    expect(card()?.querySelector('svg')).not.toBeNull();
  });

  it('are not made twice of what is named alike', () => {
    const generic = ['mip', 'minip', 'average'].map((preset_id) => ({ preset_id, group: 'projection', look: mipLook }));
    const own = ['ct_mip', 'ct_average'].map((preset_id) => ({ preset_id, group: 'projection', look: mipLook }));
    const ids = (offered: readonly Preset[]): string[] => inGroups(offered).flatMap(([, presets]) => presets.map(({ preset_id }) => preset_id));
    expect(ids([...own, ...generic])).toEqual(['ct_mip', 'ct_average', 'minip']);
    expect(ids(generic)).toEqual(['mip', 'minip', 'average']);
    expect(inOrder([...own, ...generic], 'ct_average').map(({ preset_id }) => preset_id)).toEqual(['ct_average', 'ct_mip', 'minip']);
  });
});

describe('the transfer function', () => {
  it('is changed by keys on its points, by fields, eyes and light', () => {
    stage.show(<TransferPanel onClose={() => undefined} />);
    const point = screen.getByRole('button', { name: 'Point 2 of 3: 300 HU, 45 %' });
    fireEvent.keyDown(point, { key: 'ArrowUp', shiftKey: true });
    expect(stage.scene.state.look?.tissues[0]?.opacity[1]?.[1]).toBeCloseTo(0.55, 9);
    fireEvent.focus(screen.getByRole('button', { name: 'Point 2 of 3: 300 HU, 55 %' }));
    const value = screen.getByRole('textbox', { name: 'Value (HU)' });
    fireEvent.change(value, { target: { value: '400' } });
    fireEvent.keyDown(value, { key: 'Enter' });
    expect(stage.scene.state.look?.tissues[0]?.opacity[1]).toEqual([400, 0.55]);
    fireEvent.keyDown(screen.getByRole('button', { name: 'Point 2 of 3: 400 HU, 55 %' }), { key: 'Delete' });
    expect(stage.scene.state.look?.tissues[0]?.opacity).toHaveLength(2);
    fireEvent.click(screen.getByRole('button', { name: 'Show Bone' }));
    expect(stage.scene.state.look?.tissues[1]?.on).toBe(false);
    fireEvent.click(screen.getByRole('switch', { name: 'Lighting' }));
    expect((stage.lastCamera['look'] as { lighting: unknown }).lighting).toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Reset' }));
    expect(stage.lastCamera['look']).toEqual(boneLook);
    fireEvent.click(screen.getByRole('button', { name: 'Undo change of the curve' }));
    expect((stage.lastCamera['look'] as { lighting: unknown }).lighting).toBeNull();
  });

  it('paints its bar of colours by itself, whatever other tabs have on the page', () => {
    stage.show(<TransferPanel onClose={() => undefined} />);
    stage.show(<TransferPanel onClose={() => undefined} />);
    const bars = screen.getAllByRole('img', { name: 'Colours by value' });
    expect(bars).toHaveLength(2);
    for (const bar of bars) {
      const paint = /url\(#(.+)\)/.exec(bar.querySelector('rect')?.getAttribute('fill') ?? '')?.[1] ?? '';
      expect(bar.contains(document.getElementById(paint))).toBe(true);
    }
  });

  it('of a projection has no colours; an isosurface has its value', () => {
    stage.show(<TransferPanel onClose={() => undefined} />);
    fireEvent.change(screen.getByRole('combobox', { name: 'Mode' }), { target: { value: 'mip' } });
    expect(screen.queryByText('Colour')).toBeNull();
    expect(screen.queryByRole('switch', { name: 'Lighting' })).toBeNull();
    fireEvent.change(screen.getByRole('combobox', { name: 'Mode' }), { target: { value: 'isosurface' } });
    expect(screen.getByRole('textbox', { name: 'Value of the surface (HU)' })).toBeInTheDocument();
  });
});

describe('what is drawn over the picture', () => {
  it('has six handles and dashed far edges; keys move a face', () => {
    const { container } = stage.show(<ClipOverlay />);
    expect(container.querySelectorAll('[data-face]')).toHaveLength(0);
    act(() => {
      stage.scene.toggleBox(1);
      stage.scene.orient(standardFrame('LAO', 30), 2);
    });
    expect(container.querySelectorAll('[data-face]')).toHaveLength(6);
    expect(container.querySelectorAll('path[data-far]').length).toBeGreaterThan(0);
    fireEvent.keyDown(screen.getByRole('button', { name: 'Face of the clipping box: left' }), { key: 'ArrowDown' });
    expect((stage.lastCamera['box'] as { high_index: number[] }).high_index[0]).toBeCloseTo(98.5, 9);
  });

  it('turns the box by keys, by its handle and by a face with Shift; a reset puts it straight', () => {
    stage.show(<ClipOverlay />);
    act(() => stage.scene.toggleBox(1));
    const turn = (): number[] => (stage.lastCamera['box'] as { turn_deg: number[] }).turn_deg;
    const handle = screen.getByRole('button', { name: 'Turn the clipping box' });
    expect(handle).toHaveAccessibleDescription(/Arrows turn it by 5 degrees/);
    // The near side goes to the right: seen from the front that is against the clock from the head.
    fireEvent.keyDown(handle, { key: 'ArrowRight' });
    expect(turn()).toEqual([0, 0, expect.closeTo(5, 9)]);
    fireEvent.keyDown(handle, { key: 'ArrowLeft' });
    fireEvent.keyDown(handle, { key: 'ArrowDown' });
    expect(turn()).toEqual([expect.closeTo(5, 9), expect.closeTo(0, 9), expect.closeTo(0, 9)]);
    act(() => stage.scene.undo(2));
    fireEvent.keyDown(handle, { key: 'ArrowRight', shiftKey: true });
    expect(turn()).toEqual([expect.closeTo(0, 9), expect.closeTo(5, 9), expect.closeTo(0, 9)]);
    act(() => stage.scene.resetBox(3));
    expect(turn()).toEqual([0, 0, 0]);

    const drag = (element: Element, dx: number, dy: number, init: object = {}): void => {
      // jsdom has no pointers: mouse events by their names carry all that is read.
      const pointer = (type: string, x: number, y: number): MouseEvent => new MouseEvent(type, { bubbles: true, cancelable: true, clientX: x, clientY: y, button: 0, ...init });
      Object.assign(element, { setPointerCapture: () => undefined });
      act(() => void element.dispatchEvent(pointer('pointerdown', 100, 100)));
      for (const share of [0.3, 0.7, 1]) act(() => void element.dispatchEvent(pointer('pointermove', 100 + dx * share, 100 + dy * share)));
      act(() => void element.dispatchEvent(pointer('pointerup', 100 + dx, 100 + dy)));
    };
    const placeOf = (element: Element): number[] => /translate\((\S+) (\S+)\)/.exec(element.getAttribute('transform') ?? '')?.slice(1).map(Number) ?? [];
    const before = placeOf(handle);
    const { length } = stage.scene.state.cuts.past;
    drag(handle, 24, 10);
    expect(placeOf(handle)).toEqual([expect.closeTo((before[0] ?? 0) + 24, 0), expect.closeTo((before[1] ?? 0) + 10, 0)]);
    expect(Math.hypot(...turn())).toBeGreaterThan(10);
    expect(stage.scene.state.cuts.past).toHaveLength(length + 1);
    act(() => stage.scene.undo(4));
    expect(turn()).toEqual([0, 0, 0]);
    const face = screen.getByRole('button', { name: 'Face of the clipping box: front' });
    drag(face, 20, 0, { shiftKey: true });
    expect(turn()[2]).toBeGreaterThan(10);
    act(() => stage.scene.undo(5));
    drag(face, 0, -20);
    expect(turn()).toEqual([0, 0, 0]);
    expect((stage.lastCamera['box'] as { low_index: number[] }).low_index[1]).toBeGreaterThan(5);
  });

  it('stays on the picture that is seen until the next one comes', async () => {
    stage.show(<DrawOverlay />);
    act(() => stage.scene.addPoint('line', [0, 0, 0], 2));
    act(() => stage.scene.addPoint('line', [30, 0, 0], 2));
    await act(() => stage.picture());
    const end = (): number => Number(document.querySelectorAll('[data-kind="line"] circle')[1]?.getAttribute('cx'));
    // 30 mm at 0.3 mm a pixel and two pixels to a CSS pixel, from the middle of 400.
    expect(end()).toBeCloseTo(250, 3);
    expect(screen.getByText('30.0 mm')).toBeInTheDocument();
    act(() => stage.scene.orient(standardFrame('L'), 3));
    expect(end()).toBeCloseTo(250, 3);
    await act(() => stage.picture());
    expect(end()).toBeCloseTo(200, 3);
    // A pan moves the picture at once, and what is drawn with it.
    act(() => stage.scene.pan(20, 0, 4));
    expect(end()).toBeCloseTo(210, 3);
    const { camera } = stage.scene.state;
    expect(drawnCamera(camera, null)).toBe(camera);
  });

  it('names where it is seen from', () => {
    const t = (key: string, values?: Record<string, unknown>): string => `${key} ${JSON.stringify(values)}`;
    const { camera } = stage.scene.state;
    if (camera === null) throw new Error('no camera');
    expect(orientationText({ camera }, 'en', t)).toBe('AP');
    expect(orientationText({ camera: { ...camera, frame: standardFrame('RAO', 30) } }, 'en', t)).toBe('RAO 30°');
  });
});

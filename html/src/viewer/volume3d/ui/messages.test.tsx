import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { standardFrame } from '../model/orientations';
import { VolumeStage } from '../testing';
import type { VolumeOpened } from '../../../shared/protocol/messages';
import { Cube } from './Cube';
import { VolumeChoice } from './Messages';
import { OrientationPanel } from './OrientationPanel';
import { DoneLive } from './VolumeLive';

let stage: VolumeStage;
beforeEach(async () => {
  stage = new VolumeStage();
  await stage.open();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

describe('a series with several volumes', () => {
  it('asks which one is wanted, and then names it in a list', () => {
    stage.show(<VolumeChoice />);
    expect(screen.queryByRole('group')).toBeNull();
    act(() => stage.opened(0, 0, 3));
    expect(screen.getByText('This series has 3 volumes. Which one do you want to see?')).toBeVisible();
    expect(screen.getByRole('button', { name: 'Volume 1' })).toHaveAttribute('aria-pressed', 'true');
    fireEvent.click(screen.getByRole('button', { name: 'Volume 3' }));
    expect(stage.sent('open_volume').at(-1)).toMatchObject({ series_id: 7, volume: 2 });
    act(() => stage.opened(0, 2, 3));
    expect(screen.queryByRole('button')).toBeNull();
    expect(screen.getByText('Volume of the series')).toBeVisible();
    expect(screen.getByRole('combobox', { name: 'Volume of the series' })).toHaveDisplayValue('Volume 3');
  });

  it('takes the one that is shown for an answer, and asks by a list where they are many', () => {
    stage.show(<VolumeChoice />);
    act(() => stage.opened(0, 0, 2));
    act(() => stage.scene.orient(standardFrame('L'), 1));
    const asked = stage.sent('open_volume').length;
    fireEvent.click(screen.getByRole('button', { name: 'Volume 1' }));
    expect(stage.sent('open_volume')).toHaveLength(asked);
    expect(screen.queryByRole('button')).toBeNull();
    act(() => stage.scene.store.set({ chosen: false }));
    act(() => stage.opened(0, 0, 12));
    expect(screen.getByText(/12 volumes/)).toBeVisible();
    fireEvent.change(screen.getByRole('combobox'), { target: { value: '11' } });
    expect(stage.sent('open_volume').at(-1)).toMatchObject({ volume: 11 });
  });
});

describe('a volume whose directions in the patient are not known', () => {
  it('has neither the cube nor buttons named by directions', () => {
    stage.show(
      <>
        <Cube />
        <OrientationPanel />
      </>,
    );
    expect(screen.getByRole('group', { name: 'Orientation cube' })).toBeInTheDocument();
    expect(screen.getByRole('button', { name: /^AP/ })).toBeInTheDocument();
    act(() => stage.scene.cell.store.set({ opened: { ...stage.scene.cell.state.opened, letters: false } as VolumeOpened }));
    expect(screen.queryByRole('group', { name: 'Orientation cube' })).toBeNull();
    expect(screen.queryByRole('button', { name: /^(AP|PA|L|R|H|F|LAO|RAO)\b/ })).toBeNull();
    expect(screen.getAllByRole('button')).toHaveLength(2);
  });
});

describe('the live region', () => {
  it('says what was cut, undone, measured; not what came with the volume', () => {
    vi.useFakeTimers();
    stage.facts();
    stage.scene.cut({ kind: 'table' }, 1);
    stage.away();
    stage.back();
    stage.show(<DoneLive />);
    const region = screen.getByRole('status');
    const after = (run: () => void): string => {
      act(run);
      act(() => void vi.advanceTimersByTime(1000));
      return region.textContent.trim();
    };
    expect(after(() => stage.opened(0))).toBe('');
    expect(after(() => void stage.scene.cut({ kind: 'object', p_lps_mm: [0, 0, 0], low: 1, high: 2, keep: false }, 2))).toBe('Cut object: done');
    expect(after(() => stage.scene.undo(3))).toBe('Undone: Cut object');
    expect(after(() => stage.scene.undo(3))).toBe('Undone: Remove table');
    const once = region.textContent;
    after(() => stage.scene.redo(4));
    after(() => stage.scene.undo(5));
    expect(after(() => stage.scene.redo(4))).toBe('Redone: Remove table');
    expect(region.textContent).not.toBe(once);
    expect(after(() => stage.scene.toggleBox(5))).toBe('Clipping box shown');
    expect(after(() => stage.scene.togglePlane(6))).toBe('Clipping plane set');
    expect(after(() => stage.scene.restoreAll(7))).toBe('All cuts restored');
    after(() => stage.scene.addPoint('line', [0, 0, 0], 2));
    expect(after(() => stage.scene.addPoint('line', [30, 0, 0], 2))).toBe('Ruler: 30.0 mm');
    // A cut that the server refuses is told of by the notice.
    after(() => void stage.scene.cut({ kind: 'table' }, 8));
    const [refused] = stage.scene.state.cuts.present.steps.slice(-1);
    expect(after(() => refused !== undefined && stage.scene.dropStep(refused, 9))).toBe('Remove table: done');
  });
});

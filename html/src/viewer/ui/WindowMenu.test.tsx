import { Menu } from '@mantine/core';
import { act, cleanup, fireEvent, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SeriesDetail } from '../model/series';
import { frameFacts, seriesDetail } from '../testing/series';
import { Stage } from '../testing/stage';
import { Overlay } from './Overlay';
import { WindowItems, WindowMenu } from './WindowMenu';

const overlay = (): string => document.querySelector('[data-overlay]')?.textContent ?? '';

/** Three slices of magnetic resonance with windows of their own. */
const slices: SeriesDetail = {
  ...seriesDetail(3),
  modality: 'MR',
  frames: [1475, 3834, 5147].map((width, index) => frameFacts(100 + index, { windows: [{ center: width / 2, width, explanation: '' }], series_window: 0 })),
  series_windows: [{ representative: 1, windows: [{ center: 1917, width: 3834, explanation: '' }], voi_lut_explanations: [], voi_lut_function: 'LINEAR' }],
};

describe('the list of windows', () => {
  let stage: Stage;

  const open = (detail: SeriesDetail): void => {
    stage.viewer.show(0, detail.series_id);
    stage.viewer.setDetail(detail);
    stage.show(
      <>
        <Menu opened withinPortal={false} transitionProps={{ duration: 0 }}>
          <Menu.Dropdown>
            <WindowItems />
          </Menu.Dropdown>
        </Menu>
        <Overlay cell={stage.viewer.cell(0)} />
      </>,
    );
  };
  const choose = (name: RegExp): void => act(() => void fireEvent.click(screen.getByRole('menuitemradio', { name, hidden: true })));

  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(cleanup);

  it('offers the window of the series and each image’s own, and the corner says which is shown', () => {
    open(slices);
    expect(overlay()).toMatch(/W 3,?834 L 1,?917 · series/);
    expect(screen.getByRole('menuitemradio', { name: /^Recommended \(series\)/, hidden: true })).toHaveAttribute('aria-checked', 'true');
    choose(/^Recommended \(each image\)/);
    expect(stage.viewer.cell(0).state.data.window).toEqual({ kind: 'recommended', index: 0, scope: 'image' });
    expect(overlay()).toMatch(/W 1,?475 L 737(\.5)? · image|W 1,?475 L 738 · image/);
    choose(/^Recommended \(series\)/);
    expect(overlay()).toContain('· series');
  });

  it('of an image that shares none offers its own alone, and leaves the choice of the tab as it was', () => {
    const radiographs = { ...slices, modality: 'DX', frames: slices.frames.map((frame) => ({ ...frame, series_window: null })), series_windows: [] };
    open(radiographs);
    expect(screen.queryByRole('menuitemradio', { name: /\(series\)/, hidden: true })).toBeNull();
    choose(/^Recommended \(each image\)/);
    expect(stage.viewer.cell(0).recommendedScope).toBe('series');
    expect(overlay()).toContain('· image');
  });

  it('offers equal windows once, of the series and of each image', () => {
    const twice = [
      { center: 900, width: 2500, explanation: '' },
      { center: 900, width: 2500, explanation: '' },
    ];
    const frames = slices.frames.map((frame) => ({ ...frame, windows: twice }));
    open({ ...slices, frames, series_windows: [{ representative: 1, windows: twice, voi_lut_explanations: [], voi_lut_function: 'LINEAR' }] });
    const names = screen.getAllByRole('menuitemradio', { name: /^Recommended/, hidden: true }).map((one) => one.textContent);
    expect(names).toEqual(['Recommended (series)2500 / 900', 'Recommended (each image)2500 / 900']);
    act(() => stage.viewer.cell(0).change({ data: { window: { kind: 'recommended', index: 1, scope: 'series' } } }, 1, false));
    expect(screen.getByRole('menuitemradio', { name: /^Recommended \(series\)/, hidden: true })).toHaveAttribute('aria-checked', 'true');
  });

  it('keeps windows that differ in their explanation alone, and numbers those that are left', () => {
    const windows = ['', '', 'BONE'].map((explanation) => ({ center: 900, width: 2500, explanation }));
    const second = { center: 40, width: 400, explanation: '' };
    open({ ...slices, frames: slices.frames.map((frame) => ({ ...frame, windows: [...windows, second], series_window: null })), series_windows: [] });
    const names = screen.getAllByRole('menuitemradio', { hidden: true }).map((one) => one.textContent);
    expect(names.slice(0, 3)).toEqual(['Recommended 1 (each image)2500 / 900', 'BONE (each image)2500 / 900', 'Recommended 3 (each image)400 / 40']);
    choose(/^Recommended 3/);
    expect(stage.viewer.cell(0).state.data.window).toMatchObject({ kind: 'recommended', index: 3 });
  });

  it('says on the closed button whose recommended window is shown', () => {
    open(slices);
    act(() => void stage.show(<WindowMenu />));
    expect(screen.getByRole('button', { name: 'W/L list: Recommended · series' })).toBeInTheDocument();
    choose(/^Recommended \(each image\)/);
    expect(screen.getByRole('button', { name: 'W/L list: Recommended · image' })).toBeInTheDocument();
  });

  it('of a single image says Recommended and no more', () => {
    open(seriesDetail(1));
    expect(screen.getByRole('menuitemradio', { name: /^Recommended/, hidden: true })).toHaveAccessibleName(/^Recommended(?! \()/);
    expect(overlay()).not.toMatch(/· (series|image)/);
  });
});

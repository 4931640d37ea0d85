import { act, cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PixelScale } from '../model/scaleBar';
import { seriesDetail } from '../testing/series';
import { Stage } from '../testing/stage';
import { barBottom, fitsBar, Overlay } from './Overlay';

const overlay = (): string => document.querySelector('[data-overlay]')?.textContent ?? '';

describe('what stands on a picture while another one is asked for and does not come', () => {
  let stage: Stage;

  beforeEach(async () => {
    vi.useFakeTimers();
    stage = new Stage();
    stage.viewer.show(0, 7);
    stage.viewer.setDetail(seriesDetail(50));
    stage.viewer.cell(0).goTo(30, 1, false);
    await stage.picture({ instanceId: 130 });
    stage.show(<Overlay cell={stage.viewer.cell(0)} />);
  });

  afterEach(() => {
    cleanup();
    vi.useRealTimers();
  });

  const pass = (ms: number): void => act(() => void vi.advanceTimersByTime(ms));
  const goTo = (index: number): void => act(() => void stage.viewer.cell(0).goTo(index, 1, false));

  it('is of the picture that is seen', () => {
    expect(overlay()).toContain('Image 31 of 50 · 24.0 mm');
    goTo(36);
    expect(overlay()).toContain('Image 31 of 50 · 24.0 mm');
    pass(5000);
    expect(overlay()).toContain('Image 31 of 50 · 24.0 mm');
    expect(overlay()).not.toContain('Image 37');
  });

  it('names both after a moment, and says no more that it is lossless', async () => {
    goTo(36);
    pass(299);
    expect(screen.queryByText('31 → 37')).toBeNull();
    expect(overlay()).toContain('Lossless');
    pass(1);
    expect(screen.getByText('31 → 37')).toBeInTheDocument();
    expect(overlay()).not.toContain('Lossless');
    goTo(40);
    expect(screen.getByText('31 → 41')).toBeInTheDocument();
    await act(() => stage.picture({ instanceId: 140 }));
    expect(overlay()).toContain('Image 41 of 50 · 34.0 mm');
    expect(overlay()).toContain('Lossless');
    expect(overlay()).not.toContain('→');
  });

  it('does not show a window, or an inversion, that the picture has not', async () => {
    act(() => stage.viewer.cell(0).change({ data: { window: { kind: 'values', width: 1500, center: -600 }, presetId: 'lung', invert: true } }, 1, false));
    expect(overlay()).toContain('W 350 L 50');
    expect(overlay()).not.toMatch(/Lung|Inverted/);
    pass(300);
    expect(screen.getByText('W 350 L 50 → W 1500 L −600')).toBeInTheDocument();
    expect(overlay()).not.toContain('Lossless');
    await act(() => stage.picture({ instanceId: 130 }));
    expect(overlay()).toMatch(/W 1500 L −600Lung.*Inverted/);
  });

  it('takes letters and scale from the image that is seen', () => {
    const detail = seriesDetail(50);
    detail.frames.slice(36).forEach((frame) => {
      frame.image_orientation_patient = [0, 1, 0, 0, 0, -1];
      frame.pixel_scale = { x: 0.1, y: 0.1, unit: 'mm', source: 'patient' };
    });
    act(() => stage.viewer.setDetail(detail));
    const letters = (): string[] => [...document.querySelectorAll('[data-overlay] > span')].map((one) => one.textContent ?? '');
    const scale = (): string => document.querySelector('[data-scale-bar]')?.getAttribute('data-scale-bar') ?? '';
    const before = [letters(), scale()];
    goTo(36);
    expect([letters(), scale()]).toEqual(before);
  });

  it('keeps its scale above all lines of the corner', () => {
    // Lines are 17 px high and stand 10 px above the edge.
    expect([0, 1, 2, 3, 4].map((lines) => barBottom(lines, false))).toEqual([56, 56, 56, 69, 86]);
    expect([0, 1, 2, 3, 4].map((lines) => barBottom(lines, true))).toEqual([64, 64, 64, 69, 86]);
    expect([fitsBar(261, 2, false), fitsBar(261, 4, false), fitsBar(321, 4, false)]).toEqual([true, false, true]);
  });

  it('says of its scale what a ruler would say', () => {
    const said = (pixel_scale: PixelScale | null): string => {
      const detail = seriesDetail(50);
      for (const frame of detail.frames) frame.pixel_scale = pixel_scale;
      act(() => stage.viewer.setDetail(detail));
      return document.querySelector('[data-scale-bar]')?.parentElement?.textContent ?? '';
    };
    const plain = said({ x: 0.7, y: 0.7, unit: 'mm', source: 'patient' });
    expect(plain).toMatch(/^\d+ cm$/);
    expect(said({ x: 0.7, y: 0.7, unit: 'mm', source: 'detector' })).toBe(`${plain} on detector`);
    expect(said({ x: 0.7, y: 0.7, unit: 'mm', source: 'calibrated' })).toBe(`${plain} calibrated`);
    expect(said({ x: 0.7, y: 0.7, unit: 'mm', source: 'region' })).toBe(plain);
    expect(said({ x: 1, y: 1, unit: 'px', source: 'none' })).toMatch(/ px$/);
    expect(said(null)).toMatch(/ px$/);
  });

  it('waits anew with every picture that comes: a film is not stuck', async () => {
    for (let index = 31; index < 40; index += 1) {
      const asked = stage.viewer.cell(0).lastSent;
      goTo(index + 1);
      pass(200);
      await act(() => stage.picture({ instanceId: 100 + index, revision: asked + 1 }));
      goTo(index + 2);
      pass(150);
      expect(overlay()).not.toContain('→');
    }
  });
});

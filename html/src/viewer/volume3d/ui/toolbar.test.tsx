import { act, cleanup, fireEvent, screen, within } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { VolumeStage } from '../testing';
import { Recording } from './Messages';
import { ToolChips } from './ToolSettings';
import { VolumeToolbar } from './VolumeToolbar';

let stage: VolumeStage;
beforeEach(async () => {
  stage = new VolumeStage();
  await stage.open();
  stage.facts();
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const panels = { open: { orientation: true, presets: true, transfer: true, strip: false }, toggle: () => undefined };

describe('the bar of tools', () => {
  it('keeps still whatever tool is in the hand: settings stand over the picture, with words', () => {
    stage.show(
      <>
        <VolumeToolbar seriesId={7} detail={null} panels={panels} />
        <ToolChips />
      </>,
    );
    const bar = screen.getByRole('toolbar');
    const names = (): string[] => within(bar).getAllByRole('button').map((button) => button.getAttribute('aria-label') ?? button.textContent);
    const before = names();
    expect(before.filter((name) => name === 'Remove table')).toHaveLength(1);
    expect(screen.queryByText('Radius of the sphere')).toBeNull();
    fireEvent.click(within(bar).getByRole('button', { name: 'Remove with sphere' }));
    expect(names()).toEqual(before);
    expect(screen.getByRole('slider', { name: 'Radius of the sphere' })).toBeInTheDocument();
    expect(screen.getByText('Radius of the sphere')).toBeVisible();
    expect(screen.getByText('10 mm')).toBeVisible();
    fireEvent.click(within(bar).getByRole('button', { name: 'Cut object' }));
    expect(names()).toEqual(before);
    expect(screen.getByRole('group', { name: 'Values of an object' })).toBeInTheDocument();
    expect(screen.queryByRole('slider')).toBeNull();
    act(() => stage.scene.togglePlane(1));
    expect(names()).toEqual(before);
    expect(screen.getByRole('slider', { name: 'Depth of the clipping plane' })).toBeInTheDocument();
    expect(screen.getByText('Depth of the clipping plane')).toBeVisible();
    expect(screen.getByText('50.0 mm')).toBeVisible();
  });

  it('has Remove table in one place only', () => {
    stage.show(<VolumeToolbar seriesId={7} detail={null} panels={panels} />);
    fireEvent.click(screen.getByRole('button', { name: 'Sphere' }));
    expect(screen.getByRole('menuitem', { name: 'Restore with sphere' })).toBeInTheDocument();
    expect(screen.queryByRole('menuitem', { name: 'Remove table' })).toBeNull();
  });

  it('ends with export and full screen; keys are the first to fold', () => {
    stage.show(<VolumeToolbar seriesId={7} detail={null} panels={panels} />);
    const names = screen.getAllByRole('button').map((button) => button.getAttribute('aria-label'));
    expect(names.slice(-4)).toEqual(['Quick image export', 'Output', 'Full screen', 'Keys']);
  });
});

describe('a recording', () => {
  it('shows how long it runs, and how to end it', () => {
    vi.useFakeTimers();
    const stop = vi.fn();
    vi.stubGlobal('MediaRecorder', class {
      static isTypeSupported = (): boolean => true;
      state = 'recording';
      start = (): void => undefined;
      stop = stop;
    });
    stage.show(<Recording />);
    expect(screen.queryByRole('timer')).toBeNull();
    act(() => stage.recorder.start({ captureStream: () => ({}) } as unknown as HTMLCanvasElement));
    expect(screen.getByRole('timer')).toHaveTextContent('0:00');
    act(() => void vi.advanceTimersByTime(65_000));
    expect(screen.getByRole('timer')).toHaveTextContent('1:05');
    fireEvent.click(screen.getByRole('button', { name: 'Stop and save the video' }));
    expect(stop).toHaveBeenCalledOnce();
    expect(screen.queryByRole('timer')).toBeNull();
    vi.useRealTimers();
  });
});

import { act, cleanup, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Stage } from '../testing/stage';
import type { ViewerMode } from '../control/viewer';
import { ViewerContext, useViewer } from './context';
import { ImagePage } from './ImagePage';
import { useBars } from './useBars';

let stage: Stage;
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('ResizeObserver', class {
    observe = (): void => undefined;
    unobserve = (): void => undefined;
    disconnect = (): void => undefined;
  });
  stage = new Stage();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function Page({ mode = 'image' }: { mode?: ViewerMode }) {
  const shared = useViewer();
  const bars = useBars(stage.viewer, mode);
  return <ViewerContext.Provider value={{ ...shared, bars }}>{bars && mode !== 'image' ? 'bars' : <ImagePage active onBack={() => undefined} />}</ViewerContext.Provider>;
}

const toolbar = (): HTMLElement | null => screen.queryByRole('toolbar');

describe('a study that opens', () => {
  it('has its window first, and its bars once the picture is there', async () => {
    const { container } = stage.show(<Page />);
    expect(container.querySelector('canvas')).not.toBeNull();
    expect(toolbar()).toBeNull();
    act(() => stage.viewer.show(0, 7));
    expect(toolbar()).toBeNull();
    await act(() => stage.picture());
    expect(toolbar()).toBeInTheDocument();
  });

  it('has its bars after a moment where no picture comes', () => {
    stage.show(<Page />);
    act(() => void vi.advanceTimersByTime(240));
    expect(toolbar()).toBeNull();
    act(() => void vi.advanceTimersByTime(20));
    expect(toolbar()).toBeInTheDocument();
  });

  it('has its bars at once where the picture cannot be shown', () => {
    stage.show(<Page />);
    act(() => {
      stage.viewer.show(0, 7);
      stage.viewer.cell(0).failed({ type: 'view_error', cell: 0, revision: stage.viewer.cell(0).lastSent, code: 'not_found', message: 'Gone.', numbers: [], image: null, edit: null });
    });
    expect(toolbar()).toBeInTheDocument();
  });

  it('as a volume does not wait for a picture of images', () => {
    stage.show(<Page mode="mpr" />);
    expect(screen.getByText('bars')).toBeInTheDocument();
  });
});

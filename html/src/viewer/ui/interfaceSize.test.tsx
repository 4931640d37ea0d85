import { act, cleanup, render } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { InterfaceScaleProvider } from '../../shared/theme/InterfaceScale';
import type { CellCanvas } from '../control/pictureCell';
import { listenTo } from '../input/listening';
import { InInterfacePixels } from './InInterfacePixels';
import { useCellCanvas } from './useCellCanvas';

const seen: CellCanvas[] = [];
const element = document.createElement('div');
const drawn = { attach: () => undefined, resize: (canvas: CellCanvas) => void seen.push(canvas) };
const noCanvas = { current: null };

function Cell() {
  useCellCanvas(drawn, element, noCanvas);
  return (
    <svg>
      <InInterfacePixels>
        <circle r={6} />
      </InInterfacePixels>
    </svg>
  );
}

function resizeWindow(width: number, height: number): void {
  Object.assign(window, { innerWidth: width, innerHeight: height });
  window.dispatchEvent(new Event('resize'));
}

beforeEach(() => {
  seen.length = 0;
  localStorage.clear();
  vi.spyOn(element, 'clientWidth', 'get').mockReturnValue(3600);
  vi.spyOn(element, 'clientHeight', 'get').mockReturnValue(2000);
  vi.spyOn(element, 'getBoundingClientRect').mockReturnValue(new DOMRect(240, 160, 3600, 2000));
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  resizeWindow(1024, 768);
});

it('a picture has the pixels of the screen, and what stands on it grows with the interface', () => {
  resizeWindow(3840, 2160);
  const { container } = render(<InterfaceScaleProvider><Cell /></InterfaceScaleProvider>);
  expect(seen.at(-1)).toEqual({ widthPx: 3600, heightPx: 2000, perCss: 1.5, deviceRatio: 1.5 });
  expect(container.querySelector('g')?.getAttribute('transform')).toBe('scale(1.5)');
  expect(document.documentElement.style.getPropertyValue('--wv-scale')).toBe('1.5');
  act(() => resizeWindow(1440, 900));
  expect(seen.at(-1)).toEqual({ widthPx: 3600, heightPx: 2000, perCss: 1, deviceRatio: 1 });
  expect(container.querySelector('g')?.hasAttribute('transform')).toBe(false);
  expect(document.documentElement.style.getPropertyValue('--wv-scale')).toBe('1');
});

it('the pointer is where it is in the picture, whatever the size of the interface', () => {
  const { place, onPage, size } = listenTo(element, 1.5);
  const at = place(new MouseEvent('pointermove', { clientX: 1140, clientY: 460 }));
  expect(at).toEqual({ x: 600, y: 200 });
  expect([at.x * 1.5, at.y * 1.5]).toEqual([1140 - 240, 460 - 160]); // canvas pixels, at 1.5 per pixel of the interface
  expect(onPage(at)).toEqual({ x: 1140, y: 460 });
  expect(size()).toEqual({ width: 2400, height: 2000 / 1.5 });
});

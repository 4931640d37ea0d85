import { describe, expect, it } from 'vitest';
import { rememberedSize, rememberSize, scaleOf, toInterfaceSize } from './scale';

const auto = (width: number, height: number): number => scaleOf('automatic', { width, height });

describe('the automatic size of the interface', () => {
  it('changes nothing up to 2560 by 1440', () => {
    for (const [width, height] of [[320, 568], [390, 844], [1024, 768], [1440, 900], [1920, 1080], [2560, 1440]] as const) expect(auto(width, height)).toBe(1);
  });

  it('grows with a window that is larger in both directions, at most to 2', () => {
    expect(auto(3840, 2160)).toBe(1.5);
    expect(auto(3840, 2030)).toBe(1.4); // with the browser's own bars
    expect(auto(5120, 2880)).toBe(2);
    expect(auto(7680, 4320)).toBe(2);
  });

  it('stays for a window that is only wide or only high', () => {
    expect(auto(3440, 1440)).toBe(1);
    expect(auto(2160, 3840)).toBe(1);
  });

  it('is one step for sizes that differ little', () => {
    expect(new Set([3840, 3850, 3900, 3960].map((width) => auto(width, 4000)))).toEqual(new Set([1.5]));
  });
});

describe('a size that a user chose', () => {
  it('counts whatever the window needs', () => {
    expect(scaleOf('100', { width: 3840, height: 2160 })).toBe(1);
    expect(scaleOf('125', { width: 1920, height: 1080 })).toBe(1.25);
    expect(scaleOf('200', { width: 2560, height: 1440 })).toBe(2);
  });

  it('leaves the layout of wide windows its room', () => {
    expect(scaleOf('200', { width: 1920, height: 1080 })).toBe(1.5);
    expect(scaleOf('150', { width: 1440, height: 900 })).toBe(1.1);
    expect(scaleOf('200', { width: 390, height: 844 })).toBe(1);
  });

  it('is kept in this browser, where nothing else than a size counts', () => {
    rememberSize('150');
    expect(rememberedSize()).toBe('150');
    localStorage.setItem('webviewer.interface_size', '5000');
    expect(rememberedSize()).toBe('automatic');
    expect([toInterfaceSize('125'), toInterfaceSize(125), toInterfaceSize(null)]).toEqual(['125', null, null]);
  });
});

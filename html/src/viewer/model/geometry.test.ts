import { describe, expect, it } from 'vitest';
import { apply, canvasFromImage, compose, fitWidthZoom, fitZoom, invert, mirrored, panBy, type Placement, turnAbout, zoomAbout } from './geometry';

const canvas = { widthPx: 800, heightPx: 600 };
const plain: Placement = { zoom: 2, centerX: 100, centerY: 50, rotationDeg: 0, flipHorizontal: false };
const rounded = (point: { x: number; y: number }): [number, number] => [Math.round(point.x * 1e6) / 1e6 + 0, Math.round(point.y * 1e6) / 1e6 + 0];

describe('canvas from image', () => {
  it('puts the centre into the middle of the canvas and scales about it', () => {
    const m = canvasFromImage(plain, canvas, 1);
    expect(rounded(apply(m, { x: 100, y: 50 }))).toEqual([400, 300]);
    expect(rounded(apply(m, { x: 110, y: 50 }))).toEqual([420, 300]);
    expect(rounded(apply(m, { x: 100, y: 60 }))).toEqual([400, 320]);
  });

  it('turns clockwise: what was right of the centre goes below it', () => {
    const m = canvasFromImage({ ...plain, rotationDeg: 90 }, canvas, 1);
    expect(rounded(apply(m, { x: 110, y: 50 }))).toEqual([400, 320]);
    expect(rounded(apply(m, { x: 100, y: 60 }))).toEqual([380, 300]);
  });

  it('flips first and turns then', () => {
    const m = canvasFromImage({ ...plain, rotationDeg: 90, flipHorizontal: true }, canvas, 1);
    expect(rounded(apply(m, { x: 110, y: 50 }))).toEqual([400, 280]);
    expect(rounded(apply(m, { x: 100, y: 60 }))).toEqual([380, 300]);
  });

  it('draws rows higher where pixels are higher than wide', () => {
    const m = canvasFromImage(plain, canvas, 2.5);
    expect(rounded(apply(m, { x: 110, y: 60 }))).toEqual([420, 350]);
  });

  it('turns pixels that are not square without shearing them', () => {
    const m = canvasFromImage({ ...plain, rotationDeg: 90 }, canvas, 2.5);
    expect(rounded(apply(m, { x: 110, y: 60 }))).toEqual([350, 320]);
  });

  it('is undone by its inverse at any angle', () => {
    const m = canvasFromImage({ ...plain, rotationDeg: 33, flipHorizontal: true }, canvas, 1.3);
    expect(rounded(apply(compose(invert(m), m), { x: 12.5, y: -7 }))).toEqual([12.5, -7]);
  });
});

describe('fitting', () => {
  const image = { columns: 400, rows: 200, pixelAspect: 1 };

  it('shows the whole image', () => {
    expect(fitZoom(image, canvas, 0)).toBe(2);
    expect(fitZoom(image, { widthPx: 800, heightPx: 300 }, 0)).toBe(1.5);
  });

  it('takes a quarter turn into account', () => {
    expect(fitZoom(image, canvas, 90)).toBe(1.5);
    expect(fitZoom(image, canvas, -90)).toBe(1.5);
  });

  it('takes high pixels into account', () => {
    expect(fitZoom({ ...image, pixelAspect: 3 }, canvas, 0)).toBe(1);
  });

  it('fits the width alone', () => {
    expect(fitWidthZoom(image, canvas, 0)).toBe(2);
    expect(fitWidthZoom(image, canvas, 90)).toBe(4);
  });
});

describe('moving the view', () => {
  it('zooms about the pointer: the image point under it stays', () => {
    const at = { x: 700, y: 120 };
    const before = apply(invert(canvasFromImage(plain, canvas, 1.2)), at);
    const zoomed = zoomAbout(plain, canvas, 1.2, at, 1.7);
    expect(zoomed.zoom).toBeCloseTo(3.4, 10);
    expect(rounded(apply(canvasFromImage(zoomed, canvas, 1.2), before))).toEqual([700, 120]);
  });

  it('stops at the limits of the zoom', () => {
    expect(zoomAbout(plain, canvas, 1, { x: 0, y: 0 }, 1e6).zoom).toBe(200);
    expect(zoomAbout(plain, canvas, 1, { x: 0, y: 0 }, 1e-9).zoom).toBe(0.01);
  });

  it('pans with the hand, also when turned and flipped', () => {
    const turned = { ...plain, rotationDeg: 90, flipHorizontal: true };
    const point = { x: 90, y: 40 };
    const before = apply(canvasFromImage(turned, canvas, 1), point);
    const after = apply(canvasFromImage(panBy(turned, canvas, 1, 30, -12), canvas, 1), point);
    expect(rounded({ x: after.x - before.x, y: after.y - before.y })).toEqual([30, -12]);
  });

  it('turns about a point that stays', () => {
    const at = { x: 100, y: 100 };
    const before = apply(invert(canvasFromImage(plain, canvas, 1)), at);
    const turned = turnAbout(plain, canvas, 1, at, 50);
    expect(turned.rotationDeg).toBe(50);
    expect(rounded(apply(canvasFromImage(turned, canvas, 1), before))).toEqual([100, 100]);
  });
});

describe('mirroring what is seen', () => {
  it('is a flip when the image is upright', () => {
    expect(mirrored({ rotationDeg: 0, flipHorizontal: false }, 'horizontal')).toEqual({ rotationDeg: 0, flipHorizontal: true });
    expect(mirrored({ rotationDeg: 0, flipHorizontal: false }, 'vertical')).toEqual({ rotationDeg: 180, flipHorizontal: true });
  });

  it.each([0, 90, -90, 30])('turned by %s degrees it mirrors the screen, not the image', (rotationDeg) => {
    const look = { ...plain, rotationDeg };
    const point = { x: 137, y: 22 };
    const before = apply(canvasFromImage(look, canvas, 1), point);
    const wide = apply(canvasFromImage({ ...look, ...mirrored(look, 'horizontal') }, canvas, 1), point);
    expect(rounded(wide)).toEqual(rounded({ x: 800 - before.x, y: before.y }));
    const high = apply(canvasFromImage({ ...look, ...mirrored(look, 'vertical') }, canvas, 1), point);
    expect(rounded(high)).toEqual(rounded({ x: before.x, y: 600 - before.y }));
  });

  it('twice is nothing', () => {
    expect(mirrored(mirrored({ rotationDeg: 90, flipHorizontal: false }, 'vertical'), 'vertical')).toEqual({ rotationDeg: 90, flipHorizontal: false });
  });
});

import { describe, expect, it, vi } from 'vitest';
import type { Affine } from '../model/geometry';
import { Painter, type Picture } from './painter';

const identity: Affine = { a: 1, b: 0, c: 0, d: 1, e: 0, f: 0 };
const size = { widthPx: 40, heightPx: 20 };

function bitmap(): ImageBitmap {
  return { width: 10, height: 5, close: () => undefined };
}

function painted(): { painter: Painter<Affine>; drawn: ReturnType<typeof vi.fn>; canvas: HTMLCanvasElement } {
  const canvas = document.createElement('canvas');
  const drawn = vi.fn();
  const pen = { setTransform: () => undefined, fillRect: () => undefined, drawImage: drawn };
  vi.spyOn(canvas, 'getContext').mockReturnValue(pen as unknown as RenderingContext);
  const painter = new Painter<Affine>();
  painter.attach(canvas);
  return { painter, drawn, canvas };
}

function pictureAt(place: Affine, of = bitmap()): Picture<Affine> {
  return { bitmap: of, place, canvas: size, smooth: true, lay: (one) => one };
}

const shifted: Affine = { ...identity, e: 3 };

describe('what is on the canvas', () => {
  it('is not drawn again while neither the picture nor its place changes', () => {
    const { painter, drawn } = painted();
    painter.take(pictureAt(identity));
    for (let times = 0; times < 3; times += 1) painter.draw(identity, size);
    expect(drawn).toHaveBeenCalledTimes(1);
  });

  it('is drawn again for another place, another picture, another size, and when it is lost', () => {
    const { painter, drawn, canvas } = painted();
    painter.take(pictureAt(identity));
    painter.draw(identity, size);
    painter.draw(shifted, size);
    expect(drawn).toHaveBeenCalledTimes(2);
    painter.take(pictureAt(identity));
    painter.draw(shifted, size);
    expect(drawn).toHaveBeenCalledTimes(3);
    painter.draw(shifted, { widthPx: 41, heightPx: 20 });
    expect(drawn).toHaveBeenCalledTimes(4);
    canvas.dispatchEvent(new Event('contextrestored'));
    painter.draw(shifted, { widthPx: 41, heightPx: 20 });
    expect(drawn).toHaveBeenCalledTimes(5);
  });

  it('is drawn again after it was empty', () => {
    const { painter, drawn } = painted();
    const same = bitmap();
    painter.take(pictureAt(identity, same));
    painter.draw(identity, size);
    painter.take(null);
    painter.draw(identity, size);
    painter.take(pictureAt(identity, same));
    painter.draw(identity, size);
    expect(drawn).toHaveBeenCalledTimes(2);
  });
});

describe('a picture smaller than the window', () => {
  it('is stretched by the browser where it fills the window, and drawn in full where it has moved or is recorded', () => {
    const { painter, drawn, canvas } = painted();
    const small = bitmap();
    painter.take(pictureAt(identity, small));
    painter.draw(identity, size);
    expect([canvas.width, canvas.height]).toEqual([10, 5]);
    expect(drawn).toHaveBeenLastCalledWith(small, 0, 0, 10, 5);
    painter.draw(shifted, size);
    expect([canvas.width, canvas.height]).toEqual([40, 20]);
    painter.keepsSize = true;
    painter.draw(identity, size);
    expect([canvas.width, canvas.height]).toEqual([40, 20]);
    expect(drawn).toHaveBeenLastCalledWith(small, 0, 0, 40, 20);
  });

  it('keeps its hard pixels where it is not to be smoothed', () => {
    const { painter, canvas } = painted();
    painter.take({ ...pictureAt(identity), smooth: false });
    painter.draw(identity, size);
    expect([canvas.width, canvas.height]).toEqual([40, 20]);
  });
});

/**
 * Puts pictures on a cell's canvas. A picture that answers exactly what is wanted is copied pixel for pixel; until it
 * comes the last one is moved, stretched and turned to where it will be, so pan and zoom answer at once.
 */

import { type Affine, apply, type CanvasSize, compose, invert } from '../model/geometry';

/** A decoded picture with the place that it shows. */
export interface Picture<Place> {
  bitmap: ImageBitmap;
  /** Null while it is not known where the picture lies: then it just fills the canvas. */
  place: Place | null;
  canvas: CanvasSize;
  smooth: boolean;
  /** How a place lies on a canvas. */
  lay: (place: Place, canvas: CanvasSize) => Affine;
}

/** So little, in canvas pixels, is no move: the picture can be copied as it is. */
const STILL_PX = 1e-3;

/** What is on the canvas now. */
interface Drawn {
  bitmap: ImageBitmap;
  /** Where and how it was drawn. */
  how: string;
}

export class Painter<Place> {
  #canvas: HTMLCanvasElement | null = null;
  #picture: Picture<Place> | null = null;
  #drawn: Drawn | null = null;
  /** The canvas has the size of the window whatever the picture's: somebody records it. */
  keepsSize = false;

  attach(canvas: HTMLCanvasElement | null): void {
    this.#canvas?.removeEventListener('contextrestored', this.#forget);
    this.#canvas = canvas;
    this.#forget();
    canvas?.addEventListener('contextrestored', this.#forget);
  }

  /** What was on the canvas is gone. */
  readonly #forget = (): void => {
    this.#drawn = null;
  };

  get picture(): Picture<Place> | null {
    return this.#picture;
  }

  /** Takes a new picture; the former one's memory goes at once. */
  take(picture: Picture<Place> | null): void {
    if (this.#picture !== null && this.#picture.bitmap !== picture?.bitmap) this.#picture.bitmap.close();
    this.#picture = picture;
  }

  /**
   * Draws the picture as the wanted place shows it; not again what is there: a model that is turned moves only with its
   * next picture. A smaller picture that fills the window is left to the browser to stretch, which costs it less.
   * Setting the size clears the canvas, so it goes together with drawing.
   */
  draw(wanted: Place | null, size: CanvasSize): void {
    const canvas = this.#canvas;
    if (canvas === null || size.widthPx < 1) return;
    const picture = this.#picture;
    const move = picture === null ? null : moveOf(picture, wanted, size);
    const isStretched = picture !== null && move === null && picture.smooth && !this.keepsSize && picture.bitmap.width < size.widthPx;
    const { width, height } = isStretched ? picture.bitmap : { width: size.widthPx, height: size.heightPx };
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      this.#drawn = null;
    }
    const context = canvas.getContext('2d', { alpha: false });
    if (context === null) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (picture === null) {
      this.#drawn = null;
      context.fillStyle = '#000';
      context.fillRect(0, 0, size.widthPx, size.heightPx);
      return;
    }
    const { bitmap, smooth, canvas: drawnFor } = picture;
    const how = JSON.stringify([smooth, move, move === null ? null : drawnFor]);
    if (this.#drawn?.bitmap === bitmap && this.#drawn.how === how) return;
    this.#drawn = { bitmap, how };
    context.imageSmoothingEnabled = smooth;
    context.imageSmoothingQuality = 'low';
    if (move === null) {
      context.drawImage(bitmap, 0, 0, width, height);
      return;
    }
    context.fillStyle = '#000';
    context.fillRect(0, 0, size.widthPx, size.heightPx);
    context.setTransform(move.a, move.b, move.c, move.d, move.e, move.f);
    context.drawImage(bitmap, 0, 0, drawnFor.widthPx, drawnFor.heightPx);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }
}

/** From the canvas that a picture was drawn for to this one; null where it just fills it. */
function moveOf<Place>({ place, lay, canvas: drawnFor }: Picture<Place>, wanted: Place | null, size: CanvasSize): Affine | null {
  if (wanted === null || place === null) return null;
  const move = compose(lay(wanted, size), invert(lay(place, drawnFor)));
  const sameSize = drawnFor.widthPx === size.widthPx && drawnFor.heightPx === size.heightPx;
  return sameSize && isStill(move, size) ? null : move;
}

function isStill(move: Affine, { widthPx, heightPx }: CanvasSize): boolean {
  return [
    { x: 0, y: 0 },
    { x: widthPx, y: 0 },
    { x: 0, y: heightPx },
  ].every((corner) => {
    const moved = apply(move, corner);
    return Math.abs(moved.x - corner.x) < STILL_PX && Math.abs(moved.y - corner.y) < STILL_PX;
  });
}

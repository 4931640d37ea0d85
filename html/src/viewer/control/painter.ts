/**
 * Puts pictures on a cell's canvas. A picture that answers exactly what is wanted is copied pixel for pixel; until it
 * comes the last one is moved, stretched and turned to where it will be, so pan and zoom answer at once.
 */

import { canvasFromImage, compose, invert, samePlacement, type CanvasSize, type Placement } from '../model/geometry';

/** A decoded picture with the view that it shows. */
export interface Picture {
  bitmap: ImageBitmap;
  /** Null while the image's size is not known yet: then the picture just fills the canvas. */
  placement: Placement | null;
  canvas: CanvasSize;
  pixelAspect: number;
  smooth: boolean;
}

export class Painter {
  #canvas: HTMLCanvasElement | null = null;
  #picture: Picture | null = null;

  attach(canvas: HTMLCanvasElement | null): void {
    this.#canvas = canvas;
  }

  get picture(): Picture | null {
    return this.#picture;
  }

  /** Takes a new picture; the former one's memory goes at once. */
  take(picture: Picture | null): void {
    if (this.#picture !== null && this.#picture.bitmap !== picture?.bitmap) this.#picture.bitmap.close();
    this.#picture = picture;
  }

  /** Draws the picture as the wanted view shows it. Setting the size clears the canvas, so it goes together with drawing. */
  draw(wanted: Placement | null, size: CanvasSize): void {
    const canvas = this.#canvas;
    if (canvas === null || size.widthPx < 1) return;
    if (canvas.width !== size.widthPx) canvas.width = size.widthPx;
    if (canvas.height !== size.heightPx) canvas.height = size.heightPx;
    const context = canvas.getContext('2d', { alpha: false });
    if (context === null) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    const picture = this.#picture;
    if (picture === null) {
      context.fillStyle = '#000';
      context.fillRect(0, 0, size.widthPx, size.heightPx);
      return;
    }
    context.imageSmoothingEnabled = picture.smooth;
    context.imageSmoothingQuality = 'low';
    const { bitmap, placement, canvas: drawnFor } = picture;
    const sameSize = drawnFor.widthPx === size.widthPx && drawnFor.heightPx === size.heightPx;
    if (wanted === null || placement === null || (sameSize && samePlacement(wanted, placement))) {
      context.drawImage(bitmap, 0, 0, size.widthPx, size.heightPx);
      return;
    }
    context.fillStyle = '#000';
    context.fillRect(0, 0, size.widthPx, size.heightPx);
    const drawn = canvasFromImage(placement, drawnFor, picture.pixelAspect);
    const now = canvasFromImage(wanted, size, picture.pixelAspect);
    const move = compose(now, invert(drawn));
    context.setTransform(move.a, move.b, move.c, move.d, move.e, move.f);
    context.drawImage(bitmap, 0, 0, drawnFor.widthPx, drawnFor.heightPx);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }
}

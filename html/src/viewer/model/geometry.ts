/**
 * Where the image lies on the canvas. As the protocol says: the image is flipped about its vertical axis, then turned
 * clockwise, then scaled; points of the image count columns and rows from the corner of the first pixel, points of the
 * canvas its pixels, y downwards. Pixels may be higher than wide (`pixelAspect` = height / width).
 */

export interface Point {
  x: number;
  y: number;
}

export interface CanvasSize {
  widthPx: number;
  heightPx: number;
}

export interface ImageSize {
  columns: number;
  rows: number;
  pixelAspect: number;
}

/** A view with every number known. `zoom` is canvas pixels per image column. */
export interface Placement {
  zoom: number;
  centerX: number;
  centerY: number;
  rotationDeg: number;
  flipHorizontal: boolean;
}

/** x' = a·x + c·y + e, y' = b·x + d·y + f: the order of `setTransform`. */
export interface Affine {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
}

export const MIN_ZOOM = 0.01;
export const MAX_ZOOM = 200;

export function canvasFromImage(placement: Placement, canvas: CanvasSize, pixelAspect: number): Affine {
  const { cos, sin } = turn(placement.rotationDeg);
  const alongX = placement.flipHorizontal ? -placement.zoom : placement.zoom;
  const alongY = placement.zoom * pixelAspect;
  const linear = { a: cos * alongX, b: sin * alongX, c: -sin * alongY, d: cos * alongY };
  return {
    ...linear,
    e: canvas.widthPx / 2 - linear.a * placement.centerX - linear.c * placement.centerY,
    f: canvas.heightPx / 2 - linear.b * placement.centerX - linear.d * placement.centerY,
  };
}

export function invert(m: Affine): Affine {
  const determinant = m.a * m.d - m.b * m.c;
  const a = m.d / determinant;
  const b = -m.b / determinant;
  const c = -m.c / determinant;
  const d = m.a / determinant;
  return { a, b, c, d, e: -(a * m.e + c * m.f), f: -(b * m.e + d * m.f) };
}

/** First `inner`, then `outer`. */
export function compose(outer: Affine, inner: Affine): Affine {
  return {
    a: outer.a * inner.a + outer.c * inner.b,
    b: outer.b * inner.a + outer.d * inner.b,
    c: outer.a * inner.c + outer.c * inner.d,
    d: outer.b * inner.c + outer.d * inner.d,
    e: outer.a * inner.e + outer.c * inner.f + outer.e,
    f: outer.b * inner.e + outer.d * inner.f + outer.f,
  };
}

export function apply(m: Affine, point: Point): Point {
  return { x: m.a * point.x + m.c * point.y + m.e, y: m.b * point.x + m.d * point.y + m.f };
}

/** The zoom at which the whole image, turned as it is, just fits. */
export function fitZoom(image: ImageSize, canvas: CanvasSize, rotationDeg: number): number {
  const { width, height } = turnedSize(image, rotationDeg);
  return Math.min(canvas.widthPx / width, canvas.heightPx / height);
}

export function fitWidthZoom(image: ImageSize, canvas: CanvasSize, rotationDeg: number): number {
  return canvas.widthPx / turnedSize(image, rotationDeg).width;
}

/** Changes the zoom while the image point under `at` (canvas pixels) stays where it is. */
export function zoomAbout(placement: Placement, canvas: CanvasSize, pixelAspect: number, at: Point, factor: number): Placement {
  const zoom = clamp(placement.zoom * factor, MIN_ZOOM, MAX_ZOOM);
  const before = apply(invert(canvasFromImage(placement, canvas, pixelAspect)), at);
  return holdPoint({ ...placement, zoom }, canvas, pixelAspect, before, at);
}

/** Turns clockwise about a point of the canvas. */
export function turnAbout(placement: Placement, canvas: CanvasSize, pixelAspect: number, at: Point, degrees: number): Placement {
  const before = apply(invert(canvasFromImage(placement, canvas, pixelAspect)), at);
  return holdPoint({ ...placement, rotationDeg: normalDegrees(placement.rotationDeg + degrees) }, canvas, pixelAspect, before, at);
}

/** Moves the picture by canvas pixels. */
export function panBy(placement: Placement, canvas: CanvasSize, pixelAspect: number, dx: number, dy: number): Placement {
  const middle = { x: canvas.widthPx / 2 - dx, y: canvas.heightPx / 2 - dy };
  const center = apply(invert(canvasFromImage(placement, canvas, pixelAspect)), middle);
  return { ...placement, centerX: center.x, centerY: center.y };
}

/** Mirrors what is seen, left to right or top to bottom, whatever the rotation. */
export function mirrored(
  look: { rotationDeg: number; flipHorizontal: boolean },
  axis: 'horizontal' | 'vertical',
): { rotationDeg: number; flipHorizontal: boolean } {
  const rotationDeg = axis === 'horizontal' ? -look.rotationDeg : 180 - look.rotationDeg;
  return { rotationDeg: normalDegrees(rotationDeg), flipHorizontal: !look.flipHorizontal };
}

/** Into (-180, 180]. */
export function normalDegrees(degrees: number): number {
  const turned = ((degrees % 360) + 360) % 360;
  const out = turned > 180 ? turned - 360 : turned;
  return out === 0 ? 0 : out; // no -0
}

/** The same to less than a thousandth of a pixel: the picture can be copied as it is. */
export function samePlacement(one: Placement, other: Placement): boolean {
  return (
    Math.abs(one.zoom / other.zoom - 1) < 1e-7 &&
    Math.abs(one.centerX - other.centerX) * one.zoom < 1e-3 &&
    Math.abs(one.centerY - other.centerY) * one.zoom < 1e-3 &&
    one.rotationDeg === other.rotationDeg &&
    one.flipHorizontal === other.flipHorizontal
  );
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** Cosine and sine, exact at quarter turns. */
export function turn(degrees: number): { cos: number; sin: number } {
  const quarter = degrees / 90;
  if (Number.isInteger(quarter)) {
    const index = ((quarter % 4) + 4) % 4;
    return { cos: [1, 0, -1, 0][index] ?? 1, sin: [0, 1, 0, -1][index] ?? 0 };
  }
  const radians = (degrees * Math.PI) / 180;
  return { cos: Math.cos(radians), sin: Math.sin(radians) };
}

function turnedSize(image: ImageSize, rotationDeg: number): { width: number; height: number } {
  const { cos, sin } = turn(rotationDeg);
  const high = image.rows * image.pixelAspect;
  return {
    width: Math.abs(cos) * image.columns + Math.abs(sin) * high,
    height: Math.abs(sin) * image.columns + Math.abs(cos) * high,
  };
}

function holdPoint(placement: Placement, canvas: CanvasSize, pixelAspect: number, imagePoint: Point, at: Point): Placement {
  const landed = apply(canvasFromImage(placement, canvas, pixelAspect), imagePoint);
  return panBy(placement, canvas, pixelAspect, at.x - landed.x, at.y - landed.y);
}

/**
 * Binary frames of the render stream (server to browser): the decoder of what webviewer/protocol/framing.py packs.
 * The layout is drawn there; all numbers are little endian.
 */
import {
  FRAME_HEADER_BYTES,
  FRAME_MAGIC,
  FRAME_VERSION,
  FrameEncoding,
  FrameFlag,
  MAX_PAYLOAD_BYTES,
  MAX_SIDE_PX,
} from "./messages";

/** A message breaks the wire contract. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** One picture and what it says of itself. */
export interface Frame {
  mediaType: "image/png" | "image/jpeg";
  /** Full quality, at rest. */
  still: boolean;
  /** The picture was sent without loss. */
  lossless: boolean;
  /** The stored object was compressed with loss. */
  sourceLossy: boolean;
  /** The whole image is fitted to the canvas. */
  fitted: boolean;
  /** Not all of the volume is there yet. */
  coarse: boolean;
  /** An overlay of the image cannot be drawn. */
  lacksOverlay: boolean;
  /** A shutter of the image cannot be true and is not drawn. */
  ignoresShutter: boolean;
  /** Drawn at rest in full size; a finer picture of the same revision follows. */
  refining: boolean;
  /** Revision of the view this picture answers. */
  revision: number;
  /** To be acknowledged once the picture is painted (or dropped). */
  sequence: number;
  cell: number;
  /** Size of the picture, which may be smaller than the canvas while moving: stretch it. */
  widthPx: number;
  heightPx: number;
  /** 0 of a volume, like the number of the frame. */
  instanceId: number;
  frameNumber: number;
  drawUs: number;
  /** Null when the picture has no window (colour). */
  windowCenter: number | null;
  windowWidth: number | null;
  /** Canvas pixels per image column, of a volume per mm. */
  zoom: number;
  /** Image point at the middle of the canvas, from the corner of the first pixel. */
  centerX: number;
  centerY: number;
  payload: Uint8Array<ArrayBuffer>;
}

const ALL_FLAGS = Object.values(FrameFlag).reduce((all, flag) => all | flag, 0);

/**
 * Return the frame of a binary message; the payload is a view of the same buffer, not a copy.
 *
 * @throws ProtocolError wrong magic, version, encoding, size or length
 */
export function decodeFrame(message: ArrayBuffer): Frame {
  if (message.byteLength < FRAME_HEADER_BYTES) {
    throw new ProtocolError(`A frame of ${message.byteLength} bytes is shorter than its header of ${FRAME_HEADER_BYTES}.`);
  }
  const view = new DataView(message);
  for (let index = 0; index < FRAME_MAGIC.length; index += 1) {
    if (view.getUint8(index) !== FRAME_MAGIC.charCodeAt(index)) {
      throw new ProtocolError(`A frame does not start with ${FRAME_MAGIC}.`);
    }
  }
  const version = view.getUint8(4);
  if (version !== FRAME_VERSION) {
    throw new ProtocolError(`Frame version ${version} is not spoken here, expected ${FRAME_VERSION}.`);
  }
  const encoding = view.getUint8(5);
  if (encoding !== FrameEncoding.PNG && encoding !== FrameEncoding.JPEG) {
    throw new ProtocolError(`Frame encoding ${encoding} is unknown, expected 1 or 2.`);
  }
  const flags = view.getUint16(6, true);
  if ((flags & ~ALL_FLAGS) !== 0 || view.getUint16(18, true) !== 0) {
    throw new ProtocolError("Reserved bits of a frame header are set.");
  }
  const widthPx = view.getUint16(20, true);
  const heightPx = view.getUint16(22, true);
  if (widthPx < 1 || widthPx > MAX_SIDE_PX || heightPx < 1 || heightPx > MAX_SIDE_PX) {
    throw new ProtocolError(`A frame of ${widthPx} × ${heightPx} is out of range 1 to ${MAX_SIDE_PX}.`);
  }
  const length = view.getUint32(80, true);
  if (length !== message.byteLength - FRAME_HEADER_BYTES || length > MAX_PAYLOAD_BYTES) {
    throw new ProtocolError(`A frame announces ${length} bytes and carries ${message.byteLength - FRAME_HEADER_BYTES}.`);
  }
  const instanceId = view.getBigUint64(24, true);
  if (instanceId > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new ProtocolError(`Instance number ${instanceId} of a frame is out of range.`);
  }
  return {
    mediaType: encoding === FrameEncoding.PNG ? "image/png" : "image/jpeg",
    still: (flags & FrameFlag.STILL) !== 0,
    lossless: (flags & FrameFlag.LOSSLESS) !== 0,
    sourceLossy: (flags & FrameFlag.SOURCE_LOSSY) !== 0,
    fitted: (flags & FrameFlag.FITTED) !== 0,
    coarse: (flags & FrameFlag.COARSE) !== 0,
    lacksOverlay: (flags & FrameFlag.LACKS_OVERLAY) !== 0,
    ignoresShutter: (flags & FrameFlag.IGNORES_SHUTTER) !== 0,
    refining: (flags & FrameFlag.REFINING) !== 0,
    revision: view.getUint32(8, true),
    sequence: view.getUint32(12, true),
    cell: view.getUint16(16, true),
    widthPx,
    heightPx,
    instanceId: Number(instanceId),
    frameNumber: view.getUint32(32, true),
    drawUs: view.getUint32(36, true),
    windowCenter: numberOrNull(view.getFloat64(40, true)),
    windowWidth: numberOrNull(view.getFloat64(48, true)),
    zoom: view.getFloat64(56, true),
    centerX: view.getFloat64(64, true),
    centerY: view.getFloat64(72, true),
    payload: new Uint8Array(message, FRAME_HEADER_BYTES, length),
  };
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

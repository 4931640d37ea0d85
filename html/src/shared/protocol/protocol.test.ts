/** The wire contract on the pages' side, with the fixtures that Python's tests use. */
import { describe, expect, it } from "vitest";

import clientInvalid from "../../../../tests/contract/fixtures/client_invalid.json";
import clientValid from "../../../../tests/contract/fixtures/client_valid.json";
import framesInvalid from "../../../../tests/contract/fixtures/frames_invalid.json";
import framesValid from "../../../../tests/contract/fixtures/frames_valid.json";
import serverInvalid from "../../../../tests/contract/fixtures/server_invalid.json";
import serverValid from "../../../../tests/contract/fixtures/server_valid.json";
import { decodeFrame, ProtocolError } from "./frame";
import { MAX_TEXT_BYTES } from "./messages";
import { parseClientMessage, parseServerMessage } from "./validate";

function bytesOf(hex: string): ArrayBuffer {
  const bytes = new Uint8Array(hex.length / 2);
  bytes.forEach((_, index) => {
    bytes[index] = Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16);
  });
  return bytes.buffer;
}

describe.each([
  ["client", parseClientMessage, clientValid, clientInvalid],
  ["server", parseServerMessage, serverValid, serverInvalid],
] as const)("messages of the %s", (_side, parse, valid, invalid) => {
  it.each(valid as { name: string; message: unknown }[])("takes $name", ({ message }) => {
    expect(parse(JSON.stringify(message))).toEqual(message);
  });

  it.each(invalid as { name: string; text: string }[])("refuses $name", ({ text }) => {
    expect(() => parse(text)).toThrow(ProtocolError);
  });
});

describe("frames", () => {
  it.each(framesValid)("decodes $name", ({ hex, header, payload_hex }) => {
    const frame = decodeFrame(bytesOf(hex));
    const { flags } = header;
    expect(frame.mediaType).toBe(header.encoding === 1 ? "image/png" : "image/jpeg");
    expect([frame.still, frame.lossless, frame.sourceLossy, frame.fitted, frame.refining]).toEqual(
      [1, 2, 4, 8, 128].map((bit) => (flags & bit) !== 0),
    );
    expect([
      frame.revision,
      frame.sequence,
      frame.cell,
      frame.widthPx,
      frame.heightPx,
      frame.instanceId,
      frame.frameNumber,
      frame.drawUs,
      frame.windowCenter,
      frame.windowWidth,
      frame.zoom,
      frame.centerX,
      frame.centerY,
    ]).toEqual([
      header.revision,
      header.sequence,
      header.cell,
      header.width_px,
      header.height_px,
      header.instance_id,
      header.frame_number,
      header.draw_us,
      header.window_center,
      header.window_width,
      header.zoom,
      header.center_x,
      header.center_y,
    ]);
    expect(frame.payload).toEqual(new Uint8Array(bytesOf(payload_hex)));
  });

  it.each(framesInvalid)("refuses $name", ({ hex }) => {
    expect(() => decodeFrame(bytesOf(hex))).toThrow(ProtocolError);
  });
});

it("refuses too long a message before it is parsed", () => {
  expect(() => parseServerMessage(" ".repeat(MAX_TEXT_BYTES + 1))).toThrow("65537 characters is over the limit of 65536");
});

it("names the place of a fault", () => {
  expect(() => parseServerMessage('{"type": "progress", "cell": 0, "loaded": "x", "total": 1}')).toThrow(
    "message.loaded: expected integer",
  );
});

/** CRC-32 (ISO 3309, as in ZIP and zlib) of octets. Web Crypto has no digest on pages without HTTPS. */

const table = new Uint32Array(256).map((_, octet) => {
  let value = octet;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(octets: Uint8Array): number {
  let value = 0xffffffff;
  for (const octet of octets) value = (value >>> 8) ^ (table[(value ^ octet) & 0xff] as number);
  return (value ^ 0xffffffff) >>> 0;
}

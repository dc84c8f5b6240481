/** What a Cluster has of slots. */
export const SLOTS = 16_384;

/** CRC16 of XMODEM, polynomial 0x1021: the one that Redis Cluster takes. */
const CRC = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/**
 * The slot of a key in a Cluster, from 0 to 16383: that of what stands between its first `{` and the next `}`, if that is
 * anything, else of the whole.
 */
export function redisSlot(key: string): number {
  let crc = 0;
  for (const byte of new TextEncoder().encode(hashedPart(key)))
    crc = (crc << 8) ^ (CRC[((crc >> 8) ^ byte) & 0xff] as number);
  return (crc & 0xffff) % SLOTS;
}

/** The hash tag of a key, or all of it. */
export function hashedPart(key: string): string {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

import type * as Zlib from 'node:zlib';

/** The platform's zlib, undefined where there is none. Asked for by this name no bundler needs to find it. */
const zlib = (
  globalThis as { process?: { getBuiltinModule?(name: string): typeof Zlib | undefined } }
).process?.getBuiltinModule?.('zlib');

export const hasCompression = zlib !== undefined;

/** Off the thread. Level 1: a local network is faster than the higher ones. */
export function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zlib?.deflateRaw(bytes, { level: 1 }, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

/** Code of the error if there is more than there may be. */
export const TOO_LARGE = 'ERR_BUFFER_TOO_LARGE';

/** @param most bytes of the result; rejects with {@link TOO_LARGE} as soon as there are more */
export function decompress(bytes: Uint8Array, most: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zlib?.inflateRaw(bytes, { maxOutputLength: most }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
  });
}

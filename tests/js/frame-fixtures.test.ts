// Frames that earlier releases wrote: each is read as it was meant, by every later one.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrame, encodeFrame, type Frame } from 'tiercel';
import { payloadCodec } from '../../js/src/frames/payload.js';

interface Fixture {
  readonly name: string;
  readonly encrypted: boolean;
  readonly frame: Omit<Frame, 'format' | 'payload'>;
  /** Bytes are hexadecimal digits. */
  readonly value: unknown;
  readonly bytes: string;
}

const FOLDER = join(__dirname, '../fixtures/frames');
/** What the encrypted ones were written with. */
const KEY = { id: 'fixture', key: Uint8Array.from({ length: 32 }, (_, i) => i) };

const files = readdirSync(FOLDER).map(
  (name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as { version: number; frames: Fixture[] },
);

describe.each(files)('frames of version $version', ({ version, frames }) => {
  it.each(frames)('are read: $name', async ({ encrypted, frame, value, bytes }) => {
    const written = new Uint8Array(Buffer.from(bytes, 'base64'));
    expect(written[3]).toBe(version);
    const found = decodeFrame(written, frame) as Frame;
    const { format, payload, ...rest } = found;
    expect(rest).toEqual(frame);
    const decoded = await payloadCodec(encrypted ? { encryption: [KEY] } : {}).decode(found, frame);
    const hex = (value as { bytes?: string } | null)?.bytes;
    expect(decoded).toEqual({ value: hex === undefined ? value : new Uint8Array(Buffer.from(hex, 'hex')) });
    // Also what is written now is what was written then, but for the payload, which other versions of zlib write otherwise.
    expect(Buffer.from(encodeFrame(found)).toString('base64')).toBe(bytes);
  });
});

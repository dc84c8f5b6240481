import { decodeFrame, encodeFrame, type Frame, type FramePlace } from 'tiercel';
import { expectThrow } from './support/errors.js';
import { Random } from './support/random.js';

const bytesOf = (text: string) => new TextEncoder().encode(text);

const EVERYTHING: Frame = {
  namespace: ['shop', 'цены'],
  key: 'a key\0of any units \ud800',
  format: 0xffffffff,
  loadedAt: -1,
  writtenAt: 1_700_000_000_000.5,
  ttl: 60_000,
  stale: Number.POSITIVE_INFINITY,
  took: 0.25,
  etag: '"é"',
  lastModified: 'Wed, 21 Oct 2015 07:28:00 GMT',
  tags: ['', 'tag', 'tag', 'тег'],
  dependsOn: ['other', '__proto__'],
  scopes: [
    { name: 'namespace', token: '\xff\0\x01' },
    { name: 'тег', token: '' },
  ],
  payload: bytesOf('{"price":12.5}'),
};

const BARE: Frame = {
  namespace: [],
  key: '',
  format: 0,
  loadedAt: 0,
  writtenAt: 0,
  ttl: 0,
  stale: 0,
  took: 0,
  etag: undefined,
  lastModified: undefined,
  tags: [],
  dependsOn: [],
  scopes: [],
  payload: new Uint8Array(),
};

/** Frames of all shapes, some of 4 KiB and more. */
const CORPUS: readonly Frame[] = [
  EVERYTHING,
  BARE,
  { ...EVERYTHING, payload: new Uint8Array(4096).fill(7) },
  { ...BARE, key: 'k'.repeat(1024), tags: Array.from({ length: 64 }, (_, i) => `tag ${i}`), etag: '' },
];

describe('a frame', () => {
  it.each(CORPUS.map((frame, i) => [i, frame]))('is read as it was written: %i', (_, frame) => {
    expect(decodeFrame(encodeFrame(frame), frame)).toEqual(frame);
  });

  it('is read from bytes that lie anywhere, and of any size', () => {
    for (const size of [0, 1, 100_000, 3_000_000, 10]) {
      const frame = { ...EVERYTHING, payload: new Uint8Array(size).fill(size % 251) };
      const bytes = encodeFrame(frame);
      const larger = new Uint8Array(bytes.length + 9);
      larger.set(bytes, 3);
      const { payload, ...rest } = decodeFrame(larger.subarray(3, 3 + bytes.length), frame) as Frame;
      expect(rest).toEqual({ ...EVERYTHING, payload: undefined });
      expect(Buffer.compare(payload, frame.payload)).toBe(0);
    }
  });

  it('is of its place and of no other', () => {
    const bytes = encodeFrame({ ...EVERYTHING, namespace: ['a', 'b'], key: 'c' });
    const others: FramePlace[] = [
      { namespace: ['a'], key: 'c' },
      { namespace: ['a', 'b'], key: 'd' },
      { namespace: ['a', 'b'], key: '' },
      { namespace: ['a'], key: 'b:c' },
      { namespace: ['a:b'], key: 'c' },
      { namespace: ['b', 'a'], key: 'c' },
      { namespace: ['a', 'b', 'c'], key: '' },
      { namespace: [], key: 'c' },
    ];
    for (const place of others) expect(decodeFrame(bytes, place)).toBe('key');
    expect(decodeFrame(bytes, { namespace: ['a', 'b'], key: 'c' })).toMatchObject({ key: 'c' });
  });

  it('is refused with any byte changed', () => {
    const random = new Random(1);
    for (const frame of CORPUS) {
      const bytes = encodeFrame(frame);
      for (let i = 0; i < bytes.length; i++) {
        for (const flip of [1, 0x80, 1 + random.below(255)]) {
          const changed = bytes.slice();
          changed[i] = (changed[i] as number) ^ flip;
          const fault = decodeFrame(changed, frame);
          if (typeof fault !== 'string') throw new Error(`byte ${i} with ${flip} is not seen`);
          if (i < 4) expect(fault).toBe(i < 3 ? 'foreign' : 'version');
        }
      }
    }
  });

  it('is refused if it ends early or late', () => {
    for (const frame of CORPUS) {
      const bytes = encodeFrame(frame);
      for (let size = 0; size < bytes.length; size++)
        if (decodeFrame(bytes.subarray(0, size), frame) !== 'truncated') throw new Error(`${size} bytes are a frame`);
      const longer = new Uint8Array(bytes.length + 1);
      longer.set(bytes);
      expect(decodeFrame(longer, frame)).toBe('checksum');
    }
  });

  it('is refused if it is something else', () => {
    const random = new Random(2);
    for (let i = 0; i < 2000; i++) {
      const bytes = random.bytes(random.below(200));
      // As what begins like a frame: the random bytes after it are no less random.
      if (i % 2 === 0) bytes.set([0xf5, 0x54, 0x43, 1].slice(0, bytes.length));
      expect(typeof decodeFrame(bytes, BARE)).toBe('string');
    }
  });

  it('has no number, string or list that could not be read', () => {
    const wrong: [Partial<Record<keyof Frame, unknown>>, RegExp][] = [
      [{ format: -1 }, /^format: got -1; accepted: an integer/],
      [{ format: 2 ** 32 }, /^format/],
      [{ format: '1' }, /^format/],
      [{ loadedAt: Number.NaN }, /^loadedAt: got NaN/],
      [{ writtenAt: undefined }, /^writtenAt: got undefined/],
      [{ ttl: -1 }, /^ttl: got -1/],
      [{ stale: Number.NaN }, /^stale: got NaN/],
      [{ took: Number.NEGATIVE_INFINITY }, /^took/],
      [{ payload: 'text' }, /^payload: got "text"/],
      [{ key: 1 }, /got 1; accepted: strings/],
      [{ tags: [undefined] }, /got undefined; accepted: strings/],
      [{ scopes: [{ name: 'a' }] }, /got undefined; accepted: strings/],
    ];
    for (const [change, message] of wrong)
      expectThrow(() => encodeFrame({ ...EVERYTHING, ...change } as Frame), 'ERR_TIERCEL_INVALID_ARGUMENT', message);
    const many = new Array<string>(1025).fill('t');
    expectThrow(() => encodeFrame({ ...BARE, tags: many }), 'ERR_TIERCEL_LIMIT', /1024 tags/);
    const scopes = many.slice(0, 513).map((name) => ({ name, token: '' }));
    expectThrow(() => encodeFrame({ ...BARE, scopes }), 'ERR_TIERCEL_LIMIT', /512 scopes/);
    expectThrow(() => decodeFrame('text' as never, BARE), 'ERR_TIERCEL_INVALID_ARGUMENT', /^bytes/);
  });
});

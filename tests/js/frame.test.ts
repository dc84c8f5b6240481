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

  it.each([
    ['JSON', bytesOf('{"value":{"price":12.5},"expires":1700000000000}')],
    ['an array of JSON', bytesOf('[1,"a",null]')],
    ['a text', bytesOf('value')],
    ['a number, as INCR leaves it', bytesOf('42')],
    ['nothing', new Uint8Array()],
    ['MessagePack', new Uint8Array([0x82, 0xa1, 0x76, 0x01, 0xa1, 0x65, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['gzip', new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x2b, 0x29, 0x4a, 0xcd])],
    ['a DUMP of Redis', new Uint8Array([0, 1, 0x61, 10, 0, 0x4c, 0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c])],
    ['structured clone of V8', new Uint8Array([0xff, 0x0f, 0x6f, 0x22, 1, 0x61, 0x49, 2, 0x7b, 1])],
    ['PHP', bytesOf('a:1:{s:5:"price";d:12.5;}')],
    ['a pickle of Python', new Uint8Array([0x80, 4, 0x95, 3, 0, 0, 0, 0, 0, 0, 0, 0x4b, 1, 0x2e])],
    ['UTF-16', new Uint8Array([0xff, 0xfe, 0x61, 0])],
    ['zeros', new Uint8Array(200)],
    ['a snapshot of a cache', new Uint8Array([...bytesOf('tiercel'), 0x1a, 1, 0, 0, 0])],
  ])('is no payload of somebody else: %s', (_, bytes) => {
    expect(decodeFrame(bytes, BARE)).toBe(bytes.length === 0 ? 'truncated' : 'foreign');
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

/** An engine of its own for frames, whose exports `change` may replace. */
function isolated(change: (exports: Record<string, unknown>) => void): typeof import('tiercel') {
  const { TIERCEL_ENGINE } = process.env;
  const RealInstance = WebAssembly.Instance;
  class Changed {
    readonly exports: Record<string, unknown>;
    constructor(module: WebAssembly.Module) {
      this.exports = { ...new RealInstance(module).exports };
      change(this.exports);
    }
  }
  process.env.TIERCEL_ENGINE = 'wasm';
  WebAssembly.Instance = Changed as unknown as typeof WebAssembly.Instance;
  try {
    let tiercel: typeof import('tiercel') | undefined;
    jest.isolateModules(() => {
      tiercel = require('tiercel') as typeof import('tiercel');
    });
    // Opens the engine; what it answers is for the tests to say.
    try {
      tiercel?.decodeFrame(new Uint8Array(), BARE);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_TIERCEL_ENGINE_FAILED' });
    }
    return tiercel as typeof import('tiercel');
  } finally {
    process.env.TIERCEL_ENGINE = TIERCEL_ENGINE;
    WebAssembly.Instance = RealInstance;
  }
}

describe('an engine for frames', () => {
  it('that has no memory makes a miss of a frame, and refuses to write one', () => {
    let full = false;
    const tiercel = isolated((exports) => {
      const buffer = exports.tiercel_buffer as (engine: number, bytes: number) => number;
      exports.tiercel_buffer = (engine: number, bytes: number) => (full ? 0 : buffer(engine, bytes));
    });
    const frame = { ...EVERYTHING, payload: new Uint8Array(2_000_000) };
    const bytes = encodeFrame(frame);
    full = true;
    expect(tiercel.decodeFrame(bytes, frame)).toBe('memory');
    expect(() => tiercel.encodeFrame(frame)).toThrow(expect.objectContaining({ code: 'ERR_TIERCEL_OUT_OF_MEMORY' }));
    full = false;
    expect(tiercel.decodeFrame(bytes, frame)).toMatchObject({ key: frame.key });
  });

  it('that traps is replaced by another', () => {
    const tiercel = isolated((exports) => {
      exports.tiercel_frame_check = () => {
        throw new WebAssembly.RuntimeError('unreachable');
      };
    });
    // Opening it has met the trap already: this is the one after it.
    expect(tiercel.decodeFrame(encodeFrame(EVERYTHING), EVERYTHING)).toEqual(EVERYTHING);
  });
});

import { decode, encode } from '@msgpack/msgpack';
import type { FramePlace } from 'tiercel';
// Not by the package's name: it is a part of a tier, which can be seen only with a server behind it.
import { type PayloadFault, type PayloadOptions, payloadCodec } from '../../js/src/frames/payload.js';
import { messagePack, type PayloadSerializer } from '../../js/src/frames/serializers.js';
import { Random } from './support/random.js';

const PLACE: FramePlace = { namespace: ['n'], key: 'k' };
const KEY_1 = { id: '2026-01', key: new Uint8Array(32).fill(1) };
const KEY_2 = { id: '2026-02', key: new Uint8Array(16).fill(2) };

const text = (length: number) => 'the same again '.repeat(length).slice(0, length);
const noise = (length: number) => new Random(1).bytes(length);

const VALUES: readonly unknown[] = [
  null,
  true,
  -0.5,
  '',
  'é\0\ud800 "quoted\\" [{',
  [],
  {},
  [[1], { a: [{ b: '}]' }] }],
  { a: undefined, b: 1 },
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}'),
  new Uint8Array(),
  new Uint8Array([0, 255]),
  text(10_000),
  noise(10_000),
  { list: Array.from({ length: 1000 }, (_, i) => ({ id: i, name: `name ${i}` })) },
];

const OPTIONS: readonly [string, PayloadOptions][] = [
  ['by default', {}],
  ['compressing everything', { compressAbove: 0 }],
  ['compressing nothing', { compressAbove: false }],
  ['encrypting', { encryption: [KEY_1] }],
  ['compressing and encrypting', { encryption: [KEY_2], compressAbove: 100 }],
];

async function faultOf(options: PayloadOptions, payload: { format: number; payload: Uint8Array }, place = PLACE) {
  const decoded = await payloadCodec(options).decode(payload, place);
  return typeof decoded === 'string' ? decoded : `read: ${JSON.stringify(decoded.value)}`;
}

function failureOf(action: () => unknown): Promise<{ code?: string; message: string }> {
  return Promise.resolve()
    .then(action)
    .then(
      () => ({ message: 'went through' }),
      (error) => error,
    );
}

describe.each(OPTIONS)('a payload, %s', (_, options) => {
  it('has bytes as they were given, whatever becomes of them later', async () => {
    const codec = payloadCodec(options);
    for (const value of [noise(10_000), new TextEncoder().encode(text(10_000))]) {
      const given = value.slice();
      const encoded = codec.encode(given, PLACE);
      // What is there at once is for whoever asked to use at once.
      const used = 'payload' in encoded ? { format: encoded.format, payload: encoded.payload.slice() } : encoded;
      given.fill(0);
      expect(await codec.decode(await used, PLACE)).toEqual({ value });
    }
  });

  it('is read as it was written', async () => {
    const codec = payloadCodec(options);
    for (const value of VALUES) {
      const decoded = await codec.decode(await codec.encode(value, PLACE), PLACE);
      expect(decoded).toEqual({ value });
    }
  });

  it('is a value or a fault with any byte changed, and never throws', async () => {
    const codec = payloadCodec(options);
    for (const value of ['text', { a: [1, 2] }, text(300)]) {
      const { format, payload } = await codec.encode(value, PLACE);
      for (let i = 0; i < payload.length; i++) {
        const changed = payload.slice();
        changed[i] = (changed[i] as number) ^ (1 + (i % 255));
        const decoded = await codec.decode({ format, payload: changed }, PLACE);
        // Without encryption the frame's checksum is what sees it.
        if (options.encryption !== undefined) expect(decoded).toMatch(/^encryption/);
        await codec.decode({ format, payload: payload.subarray(0, i) }, PLACE);
      }
    }
  });
});

it('a payload answers at once if there is nothing to wait for', () => {
  const codec = payloadCodec();
  const payload = codec.encode({ a: 1 }, PLACE) as { format: number; payload: Uint8Array };
  expect(codec.decode(payload, PLACE)).toEqual({ value: { a: 1 } });
});

// Slices of a Buffer are views.
it.each([Uint8Array, Buffer])('bytes that were read are no view of what came, and plain', async (kind) => {
  const codec = payloadCodec();
  const { format, payload } = await codec.encode(new Uint8Array([1, 2]), PLACE);
  const came = kind.from(payload);
  const { value } = (await codec.decode({ format, payload: came }, PLACE)) as { value: Uint8Array };
  came.fill(9);
  expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
  expect([...value]).toEqual([1, 2]);
});

describe('compression', () => {
  it('is done from a size on, if it makes the payload smaller', async () => {
    const codec = payloadCodec({ compressAbove: 1000 });
    const formats = await Promise.all(
      [text(900), text(1100), noise(5000)].map(async (value) => (await codec.encode(value, PLACE)).format),
    );
    expect(formats).toEqual([1, 0x101, 2]);
  });

  it('gives no more than maxBytes, whatever the bytes say', async () => {
    const bomb = await payloadCodec({ compressAbove: 0 }).encode(text(10_000_000), PLACE);
    expect(bomb.payload.length).toBeLessThan(200_000);
    expect(await faultOf({ maxBytes: '1mb' }, bomb)).toBe('size');
    expect(await faultOf({ maxBytes: 10 }, { format: 1, payload: new Uint8Array(11) })).toBe('size');
    expect(await failureOf(() => payloadCodec({ maxBytes: 10 }).encode(text(11), PLACE))).toMatchObject({
      code: 'ERR_TIERCEL_NOT_SERIALIZABLE',
      message: 'value: takes 13 bytes; accepted: 10 (option maxBytes)',
    });
  });

  it('takes the value as it was', async () => {
    const codec = payloadCodec({ compressAbove: 0 });
    const value = new Uint8Array(50_000).fill(1);
    const encoding = codec.encode(value, PLACE);
    value.fill(2);
    expect(await codec.decode(await encoding, PLACE)).toEqual({ value: new Uint8Array(50_000).fill(1) });
  });
});

describe('encryption', () => {
  it('never writes the same bytes twice, and says nothing of the value', async () => {
    const codec = payloadCodec({ encryption: [KEY_1] });
    const [one, two] = await Promise.all([codec.encode('secret', PLACE), codec.encode('secret', PLACE)]);
    expect(one.payload).not.toEqual(two.payload);
    expect(Buffer.from(one.payload).includes('secret')).toBe(false);
  });

  it('reads what was written with an older key, and writes with the first', async () => {
    const older = await payloadCodec({ encryption: [KEY_1] }).encode('a', PLACE);
    const rotated = payloadCodec({ encryption: [KEY_2, KEY_1] });
    expect(await rotated.decode(older, PLACE)).toEqual({ value: 'a' });
    const newer = await rotated.encode('b', PLACE);
    expect(await payloadCodec({ encryption: [KEY_2] }).decode(newer, PLACE)).toEqual({ value: 'b' });
    expect(await faultOf({ encryption: [KEY_1] }, newer)).toBe('encryption-key');
    expect(await faultOf({}, newer)).toBe('encryption-key');
  });

  it('takes keys of the platform as well', async () => {
    const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
    const codec = payloadCodec({ encryption: [{ id: 'a', key }] });
    expect(await codec.decode(await codec.encode(1, PLACE), PLACE)).toEqual({ value: 1 });
  });

  it('is bound to the place and the format', async () => {
    const encryption = [KEY_1];
    const payload = await payloadCodec({ encryption }).encode('{}', PLACE);
    expect(await faultOf({ encryption }, payload, { namespace: ['n'], key: 'other' })).toBe('encryption');
    expect(await faultOf({ encryption }, payload, { namespace: [], key: 'k' })).toBe('encryption');
    expect(await faultOf({ encryption }, { ...payload, format: payload.format + 1 })).toBe('encryption');
  });

  it('takes nothing that is not encrypted, and nothing of another key by the same name', async () => {
    const plain = await payloadCodec().encode('a', PLACE);
    expect(await faultOf({ encryption: [KEY_1] }, plain)).toBe('encryption');
    const payload = await payloadCodec({ encryption: [KEY_1] }).encode('a', PLACE);
    expect(await faultOf({ encryption: [{ ...KEY_2, id: KEY_1.id }] }, payload)).toBe('encryption');
  });
});

describe('serializers', () => {
  const reversed: PayloadSerializer = {
    id: 200,
    serialize: (value) => new TextEncoder().encode([...String(value)].reverse().join('')),
    deserialize: (bytes) => [...new TextDecoder().decode(bytes)].reverse().join(''),
  };

  it('may be MessagePack, by a package of the application', async () => {
    const codec = payloadCodec({ serializer: messagePack({ encode, decode }) });
    const payload = await codec.encode({ a: new Uint8Array([1]), b: Number.NaN }, PLACE);
    expect(payload.format).toBe(3);
    expect(await codec.decode(payload, PLACE)).toEqual({ value: { a: new Uint8Array([1]), b: Number.NaN } });
    expect(await faultOf({}, payload)).toBe('serializer');
  });

  it('are known by their ids, so that values of another one are read', async () => {
    const written = await payloadCodec({ serializer: reversed }).encode('abc', PLACE);
    expect(Buffer.from(written.payload).toString()).toBe('cba');
    expect(await payloadCodec({ serializers: [reversed] }).decode(written, PLACE)).toEqual({ value: 'abc' });
    expect(await faultOf({}, written)).toBe('serializer');
    const json = await payloadCodec().encode([1], PLACE);
    expect(await payloadCodec({ serializer: reversed }).decode(json, PLACE)).toEqual({ value: [1] });
    expect(await faultOf({}, { ...json, format: json.format | 0x400 })).toBe('serializer');
  });

  it('that fail make a value that is not stored, or a miss', async () => {
    const failing: PayloadSerializer = {
      id: 16,
      serialize: (value) => {
        if (value === 'throw') throw new Error('no');
        return value as Uint8Array;
      },
      deserialize: () => {
        throw new Error('no');
      },
    };
    const codec = payloadCodec({ serializer: failing });
    for (const value of ['throw', 'text'])
      expect(await failureOf(() => codec.encode(value, PLACE))).toMatchObject({ code: 'ERR_TIERCEL_NOT_SERIALIZABLE' });
    expect(await codec.decode({ format: 16, payload: new Uint8Array() }, PLACE)).toBe('value');
  });

  it('refuse what JSON would change', async () => {
    for (const value of [undefined, () => 1, Number.NaN, new Date(), new Map(), 1n, [undefined]])
      expect(await failureOf(() => payloadCodec().encode(value, PLACE))).toMatchObject({
        code: 'ERR_TIERCEL_NOT_SERIALIZABLE',
      });
  });
});

describe('JSON from outside', () => {
  const decodeText = (json: string) =>
    payloadCodec().decode({ format: 1, payload: new TextEncoder().encode(json) }, PLACE) as
      | PayloadFault
      | { value: unknown };

  it('is refused if it is none, or too deep', () => {
    for (const json of ['', '{', '"', '"\\"', '01', '{"a":1}x', '\ufeff1', '[1,]', 'undefined'])
      expect(decodeText(json)).toBe('value');
    expect(payloadCodec().decode({ format: 1, payload: new Uint8Array([0x22, 0xff, 0x22]) }, PLACE)).toBe('value');
    const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(typeof decodeText(deep(1001))).toBe('object');
    expect(decodeText(deep(1002))).toBe('value');
    expect(decodeText('{"a":'.repeat(1_000_000))).toBe('value');
    // Brackets in strings are no depth, however the strings are escaped.
    expect(decodeText(`"${'['.repeat(5000)}\\\\\\"${'['.repeat(5000)}"`)).toMatchObject({ value: expect.any(String) });
  });

  it('pollutes no prototype', () => {
    const before = [Object.prototype, Array.prototype].map((prototype) => Object.getOwnPropertyNames(prototype).join());
    const random = new Random(3);
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'polluted', '0', 'length'];
    const any = (depth: number): string => {
      if (depth === 0 || random.chance(0.2)) return random.pick(['1', 'null', '"__proto__"', '{}', '[]']);
      const items = Array.from({ length: random.below(4) }, () => any(depth - 1));
      if (random.chance(0.3)) return `[${items.join()}]`;
      return `{${items.map((item) => `"${random.pick(names)}": ${item}`).join()}}`;
    };
    for (let i = 0; i < 2000; i++) {
      decodeText(any(5));
      const polluted = [{}, []].some((value) => 'polluted' in value);
      if (polluted) throw new Error('a prototype has a member more');
    }
    expect(
      [Object.prototype, Array.prototype].map((prototype) => Object.getOwnPropertyNames(prototype).join()),
    ).toEqual(before);
  });
});

it('options of payloads are checked', () => {
  const wrong: [unknown, RegExp][] = [
    [{ serializer: 'xml' }, /^serializer\.id: got undefined; accepted: a whole number from 16 to 255/],
    [{ serializer: { id: 1, serialize: String, deserialize: String } }, /^serializer\.id: got 1/],
    [{ serializer: { id: 16 } }, /^serializer: got an object; accepted: an object with the functions/],
    [{ serializers: {} }, /^serializers: got an object; accepted: a list/],
    [{ serializers: [{ id: 300 }] }, /^serializers\[0\]\.id: got 300/],
    [{ compressAbove: -1 }, /^compressAbove: got -1/],
    [{ maxBytes: 'many' }, /^maxBytes: got "many"/],
    [{ encryption: [] }, /^encryption: got an array; accepted: a list of keys, at least one/],
    [{ encryption: [{ id: '', key: KEY_1.key }] }, /^encryption\[0\]\.id: got ""/],
    [{ encryption: [KEY_1, { ...KEY_2, id: KEY_1.id }] }, /^encryption\[1\]\.id: got "2026-01"; accepted: ids/],
    [{ encryption: [{ id: 'a', key: new Uint8Array(17) }] }, /^encryption\[0\]\.key: accepted: a Uint8Array of 16/],
    [{ compress: true }, /^options: there is no option "compress"; did you mean "compressAbove"/],
  ];
  for (const [options, message] of wrong) expect(() => payloadCodec(options as PayloadOptions)).toThrow(message);
  const one: PayloadSerializer = { id: 16, serialize: () => new Uint8Array(), deserialize: () => 1 };
  expect(() => payloadCodec({ serializer: one, serializers: [{ ...one }] })).toThrow(/^serializers: got 16/);
});

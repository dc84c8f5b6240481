// Values where the platform has no zlib, as in Workers without nodejs_compat.
import type * as Payloads from '../../js/src/frames/payload.js';

const PLACE = { namespace: ['n'], key: 'k' };
const TEXT = 'the same again '.repeat(1_000);

/** The module as it is where Node gives its modules, or does not. */
function load(hasZlib: boolean): typeof Payloads {
  const { getBuiltinModule } = process;
  let loaded: typeof Payloads | undefined;
  if (!hasZlib) process.getBuiltinModule = (() => undefined) as unknown as typeof getBuiltinModule;
  try {
    jest.isolateModules(() => {
      loaded = jest.requireActual('../../js/src/frames/payload.js');
    });
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
  return loaded as typeof Payloads;
}

it('values are written as they are where there is no zlib, and are read where there is', async () => {
  const [without, having] = [load(false), load(true)];
  const plain = await without.payloadCodec({ compressAbove: 0 }).encode(TEXT, PLACE);
  expect(plain.format).toBe(1);
  expect(plain.payload.length).toBe(TEXT.length + 2);
  expect(await having.payloadCodec().decode(plain, PLACE)).toEqual({ value: TEXT });
  expect(await without.payloadCodec().decode(plain, PLACE)).toEqual({ value: TEXT });
});

it('what others compressed is a fault of its own name where there is no zlib', async () => {
  const [without, having] = [load(false), load(true)];
  const compressed = await having.payloadCodec().encode(TEXT, PLACE);
  expect(compressed.format).toBe(0x101);
  expect(await without.payloadCodec().decode(compressed, PLACE)).toBe('compression');
  expect(await having.payloadCodec().decode(compressed, PLACE)).toEqual({ value: TEXT });
});

import { TiercelError } from '../errors.js';
import { ABI_VERSION, REGISTERS } from '../generated/abi.js';
import { bufferFor, type Port } from './port.js';

/** What `prebuilds/<platform>-<arch>/tiercel.node` exports. */
export interface NativeAddon {
  readonly abiVersion: number;
  /** Makes an engine that leaves its results in `registers`. */
  createEngine(registers: Float64Array): NativeEngine;
}

/**
 * The calls of the port, bound to one engine. A string's or value's place is an offset into the buffer that
 * `reserve` gave last; what a call gives out is copied to the beginning of that buffer.
 */
export interface NativeEngine extends Omit<Port, 'kind' | 'u8' | 'base' | 'capacity' | 'registers' | 'reserve'> {
  reserve(bytes: number): ArrayBuffer;
}

export function openNative(addon: NativeAddon): Port {
  if (addon.abiVersion !== ABI_VERSION) {
    throw new TiercelError(
      'ERR_TIERCEL_ENGINE_UNAVAILABLE',
      `the native binary has ABI version ${addon.abiVersion}, this package needs ${ABI_VERSION}: install both from one package`,
    );
  }
  const registers = new Float64Array(REGISTERS);
  const engine = addon.createEngine(registers);
  const port: Port = {
    ...engine,
    kind: 'native',
    u8: new Uint8Array(),
    base: 0,
    capacity: 0,
    registers,
    reserve(bytes) {
      const wanted = bufferFor(bytes, port.capacity);
      if (wanted === port.capacity) return true;
      const buffer = engine.reserve(wanted);
      port.u8 = new Uint8Array(buffer);
      port.capacity = buffer.byteLength;
      return port.capacity >= bytes;
    },
    dispose() {
      engine.dispose();
      port.u8 = new Uint8Array();
      port.capacity = 0;
    },
  };
  if (!port.reserve(0)) throw new TiercelError('ERR_TIERCEL_OUT_OF_MEMORY', 'no memory for a native engine');
  return port;
}

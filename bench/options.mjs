// What `npm run bench` and each benchmark take on the command line.
import { parseArgs } from 'node:util';

const USAGE = `npm run bench [NAME...] [-- OPTION...]
  --quick         smaller sizes and fewer rounds: shows that all works, and rough figures
  --engine NAME   native or wasm instead of both
  --traces DIR    access traces for hit-ratio; default: shared/traces beside the project`;

function read() {
  try {
    const { values, positionals } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        engine: { type: 'string' },
        traces: { type: 'string' },
      },
      allowPositionals: true,
    });
    if (values.engine !== undefined && values.engine !== 'native' && values.engine !== 'wasm')
      throw new Error(`--engine is ${values.engine}; it can be native or wasm`);
    return { ...values, names: positionals };
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(1);
  }
}

export const options = read();

/** The engines that a benchmark compares. @type {('native' | 'wasm')[]} */
export const engines = options.engine ? [/** @type {'native' | 'wasm'} */ (options.engine)] : ['native', 'wasm'];

/** Rounds of a measurement, whose median counts. */
export const rounds = options.quick ? 3 : 5;

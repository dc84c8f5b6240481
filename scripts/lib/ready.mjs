import { setup } from '../setup.mjs';

/** Makes a checkout ready to run what it builds: installs what is missing, and builds the package. @param {{ tests: boolean }} options */
export async function makeReady(options) {
  setup(options);
  // Not before: it uses packages.
  const { build } = await import('../build.mjs');
  await build();
}

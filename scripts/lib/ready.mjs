import { setup } from '../setup.mjs';

/** Makes a checkout ready to run what it builds: installs what is missing, and builds the package. @param {import('./system-packages.mjs').Purpose} purpose */
export async function makeReady(purpose) {
  setup(purpose);
  // Not before: it uses packages.
  const { build } = await import('../build.mjs');
  await build();
}

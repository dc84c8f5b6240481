// node races.mjs MODE FIRST TRIALS SECONDS: trials of one mode in this process, as TIERCEL_ENGINE says, with the seeds
// from FIRST on, until there were so many or the time is over. Prints how many there were; fails at the first violation.
// Without arguments: prints what modes there are.
import { eagerDraws, MODES, type Mode, races } from '../support/races.js';

const [mode, ...numbers] = process.argv.slice(2) as [Mode | undefined, ...string[]];
if (mode === undefined) console.log(JSON.stringify(MODES));
else {
  const [first, trials, seconds] = numbers.map(Number) as [number, number, number];
  if (!MODES.includes(mode)) throw new Error(`There is no mode ${mode}: there are ${MODES.join(', ')}`);
  Math.random = eagerDraws();
  const end = performance.now() + seconds * 1_000;
  const done = await races(mode, first, trials, () => performance.now() > end);
  console.log(JSON.stringify({ done }));
}

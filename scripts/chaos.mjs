// npm run chaos [-- OPTION... NAME...]: processes with a cache each, over one redis-server, while something fails: every fault
// of tests/chaos, or those whose name has a NAME in it, again and again. Prints what became of each promise of the second
// tier, how late reads were, and what broke a promise. Needs npm run build.
//   --repetitions=200     rounds of each fault
//   --minutes=N           no more rounds after so long, however many there were
//   --width=2             fleets at a time
// The exit code is 1 if a promise was broken.
import { asCommand, CommandError } from './lib/command.mjs';
import { inParallel } from './lib/run.mjs';

/** Rounds of a fault before the next fault has its turn, so that all of them have had some if the time ends. */
const BATCH = 5;
/** Heartbeat and patience are 600 ms there; the rest is for a machine that does other things as well. */
const GRACE = 1_000;

const defaults = { repetitions: 200, minutes: 0, width: 2 };

await asCommand(import.meta, async (...args) => {
  const { options, names } = read(args);
  const { Pool } = await import('../tests/chaos/support/pool.mjs');
  const { FAULTS } = await import('../tests/chaos/support/faults.mjs');
  const { histogram, merge, summary, table, violationsOf } = await import('../tests/chaos/support/report.mjs');
  const chosen = Object.keys(FAULTS).filter((name) => names.length === 0 || names.some((part) => name.includes(part)));
  if (chosen.length === 0) throw new CommandError(`No fault has ${names.join(' or ')} in its name.`);

  const deadline = options.minutes === 0 ? Number.POSITIVE_INFINITY : Date.now() + options.minutes * 60_000;
  /** @type {Map<string, import('../tests/chaos/support/rounds.mjs').Outcome>} */
  const outcomes = new Map();
  const pool = new Pool();
  const batches = Array.from({ length: Math.ceil(options.repetitions / BATCH) }, (_, i) =>
    Math.min(BATCH, options.repetitions - i * BATCH),
  );
  const turns = batches.flatMap((repeat) => chosen.map((name) => ({ name, repeat })));
  await inParallel(turns, options.width, async ({ name, repeat }) => {
    if (Date.now() > deadline) return;
    const outcome = await pool.suffer(name, { grace: GRACE, repeat });
    outcomes.set(name, merge(outcomes.get(name), outcome));
    console.log(summary(outcome));
    for (const what of violationsOf([outcome])) console.log(what.replaceAll(/^/gm, '  '));
  });
  await pool.close();

  const all = [...outcomes.values()];
  console.log(`\n${table(all)}\n\n${histogram(all)}`);
  if (violationsOf(all).length > 0) process.exitCode = 1;
});

/** @param {string[]} args */
function read(args) {
  const options = { ...defaults };
  const names = args.filter((arg) => {
    if (!arg.startsWith('--')) return true;
    const [, name, value] = /^--([a-z]+)=(\d+)$/.exec(arg) ?? [];
    if (!Object.hasOwn(defaults, name ?? ''))
      throw new CommandError(
        `${arg}? There are ${Object.keys(defaults)
          .map((option) => `--${option}=N`)
          .join(', ')}.`,
      );
    options[name] = Number(value);
    return false;
  });
  return { options, names };
}

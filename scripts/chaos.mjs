// npm run chaos [-- OPTION... NAME...]: processes with a cache each, over one redis-server, while something fails: every fault
// of tests/chaos and three at once, or those faults whose name has a NAME in it, again and again. Prints what became of each
// promise of the second tier, how late reads were, and what broke a promise.
//   --repetitions=200     rounds of each fault
//   --minutes=N           no more rounds after so long, however many there were
//   --width=2             fleets at a time
//   --seed=1              where the random compositions begin: each round is of the next seed, which is printed if a promise
//                         is broken. `--repetitions=1 'three at once, seed 17'` is that one again
//   --bus=tracking        with buses that Redis itself tells of entries, too
//   --doubt=revalidate    with memory that is kept while the bus is in doubt
//   --values=published    with values that go with what the bus tells
//   --peer=bentocache     the same faults with bentocache as well, but for those of locks, threads and write-behind, and both
//                         beside each other
// The exit code is 1 if Tiercel broke a promise.
import { asCommand, CommandError } from './lib/command.mjs';
import { makeReady } from './lib/ready.mjs';
import { inParallel } from './lib/run.mjs';

/** Rounds of a fault before the next fault has its turn, so that all of them have had some if the time ends. */
const BATCH = 5;
const TOGETHER = /^three at once, seed (\d+)$/;

const defaults = {
  repetitions: 200,
  minutes: 0,
  width: 2,
  seed: 1,
  bus: 'pubsub',
  doubt: 'flush',
  values: 'kept',
  peer: '',
};
/** What those may be that are no numbers. */
const WORDS = {
  bus: ['pubsub', 'tracking'],
  doubt: ['flush', 'revalidate'],
  values: ['kept', 'published'],
  peer: ['bentocache'],
};

await asCommand(import.meta, async (...args) => {
  const { options, names } = read(args);
  await makeReady({ tests: true });
  const { FAULTS } = await import('../tests/chaos/support/faults.mjs');
  const { BENTOCACHE, TIERCEL } = await import('../tests/chaos/support/fleet.mjs');
  const { besideEachOther, histogram, table, violationsOf } = await import('../tests/chaos/support/report.mjs');
  const peer = { '': undefined, bentocache: BENTOCACHE }[options.peer];

  const isFor = (name) => peer === undefined || !FAULTS[name]?.isOurs;
  const all = [...Object.keys(FAULTS), `three at once, seed ${options.seed}`];
  const given = names.filter((name) => TOGETHER.test(name));
  const isMeant = (name) => names.some((part) => (all.includes(part) ? name === part : name.includes(part)));
  const chosen = names.length === 0 ? all : all.filter(isMeant);
  const faults = [...new Set([...chosen, ...given])].filter(isFor);
  if (faults.length === 0) throw new CommandError(`No fault has ${names.join(' or ')} in its name.`);

  const { bus: mode, doubt: onDoubt, values } = options;
  const ours = await plan({ subject: TIERCEL, mode, onDoubt, publishValue: values === 'published' }, faults, options);
  console.log(`\n${table(ours)}\n\n${histogram(ours)}`);
  if (violationsOf(ours).length > 0) process.exitCode = 1;
  if (peer === undefined) return;
  const theirs = await plan({ subject: peer }, faults, options);
  console.log(`\n${besideEachOther({ tiercel: ours, [options.peer]: theirs })}`);
});

/** Each fault as often as it is to be, several fleets at a time. */
async function plan(fleets, faults, { repetitions, minutes, width }) {
  const { GRACE } = await import('../tests/chaos/support/fleet.mjs');
  const { Pool } = await import('../tests/chaos/support/pool.mjs');
  const { merge, summary, violationsOf } = await import('../tests/chaos/support/report.mjs');
  const deadline = minutes === 0 ? Number.POSITIVE_INFINITY : Date.now() + minutes * 60_000;
  /** @type {Map<string, import('../tests/chaos/support/rounds.mjs').Outcome>} */
  const outcomes = new Map();
  const pool = new Pool(fleets);
  const firsts = Array.from({ length: Math.ceil(repetitions / BATCH) }, (_, i) => i * BATCH);
  const turns = firsts.flatMap((first) => faults.map((fault) => ({ fault, first })));
  await inParallel(turns, width, async ({ fault, first }) => {
    if (Date.now() > deadline) return;
    const name = fault.replace(TOGETHER, (_, seed) => `three at once, seed ${Number(seed) + first}`);
    const outcome = await pool.suffer(name, { grace: GRACE, repeat: Math.min(BATCH, repetitions - first) });
    outcomes.set(fault, merge(outcomes.get(fault), outcome));
    console.log(summary(outcome));
    for (const what of violationsOf([outcome])) console.log(what.replaceAll(/^/gm, '  '));
  });
  await pool.close();
  return [...outcomes.values()];
}

/** @param {string[]} args */
function read(args) {
  const options = { ...defaults };
  // A value may be a word of its own.
  const words = args.join('\0').replaceAll('--peer\0', '--peer=').split('\0').filter(Boolean);
  const names = words.filter((word) => {
    if (!word.startsWith('--')) return true;
    const [, name = '', value = ''] = /^--([a-z]+)=(\w+)$/.exec(word) ?? [];
    const isRight = Object.hasOwn(defaults, name) && (WORDS[name]?.includes(value) ?? /^\d+$/.test(value));
    if (!isRight) throw new CommandError(`${word}? There are ${Object.keys(defaults).map(described).join(', ')}.`);
    options[name] = name in WORDS ? value : Number(value);
    return false;
  });
  return { options, names };
}

function described(name) {
  return `--${name}=${WORDS[name]?.join('|') ?? 'N'}`;
}

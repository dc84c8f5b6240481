// Four processes with a cache each, two of them with threads that share one, over one server, while the server, the network,
// a process or a thread fails, several times each: what PROMISES.md says of the second tier holds.
import assert from 'node:assert/strict';
import { after, describe as group, it } from 'node:test';
import { FAULTS } from './support/faults.mjs';
import { GRACE } from './support/fleet.mjs';
import { Pool } from './support/pool.mjs';
import { summary, violationsOf } from './support/report.mjs';

const ROUNDS = Number(process.env.TIERCEL_CHAOS_ROUNDS ?? 5);
/** Milliseconds after which a fault has one round only: a machine that does other things as well comes to an end too. */
const ENOUGH = 8 * 60_000;
/** Of what fails at once; those that follow are of the seeds that follow. */
const SEED = Number(process.env.TIERCEL_CHAOS_SEED ?? Date.now() % 1_000_000);
/** So many faults may pass without a load that had the lock of the fleet. */
const FEW = 5;
/** What is suffered with buses that Redis tells of entries, too, and how often. */
const TRACKED = ['the server forgets everything', 'a bus falls silent'];
const TRACKED_ROUNDS = Math.min(2, ROUNDS);
/** Fleets at a time: most of what they do is to wait. */
const WIDTH = 2;

group('what is promised holds while', { concurrency: WIDTH }, () => {
  const pool = new Pool();
  /** Faults in which nothing was loaded with the lock of the fleet: one that another fault left behind takes 10 s to end. @type {string[]} */
  const neverLocked = [];
  after(async () => {
    await pool.close();
    assert.ok(neverLocked.length <= FEW, `nobody had the lock of the fleet in: ${neverLocked.join(', ')}`);
  });
  for (const name of [...Object.keys(FAULTS), `three at once, seed ${SEED}`]) {
    it(name === 'none' ? 'nothing fails' : name, async (t) => {
      const until = ({ rounds }) => rounds > 0 && performance.now() > ENOUGH;
      const repeat = FAULTS[name]?.isLong ? 1 : ROUNDS;
      const outcome = await pool.suffer(name, { grace: GRACE, repeat, until });
      t.diagnostic(summary(outcome));
      assert.deepEqual(violationsOf([outcome]), []);
      // Something was seen.
      assert.ok(outcome.rounds > 0);
      assert.ok(outcome.reads > 0);
      assert.ok(outcome.acknowledged + outcome.later > 0);
      assert.ok(outcome.grants > 0, 'no lock was granted');
      if (outcome.locked === 0) neverLocked.push(name);
      assert.deepEqual([...new Set(Object.values(outcome.engines))].sort(), ['native', 'wasm']);
    });
  }
});

group('what is promised holds with buses that Redis tells of entries while', () => {
  const pool = new Pool({ mode: 'tracking' });
  after(() => pool.close());
  for (const name of TRACKED) {
    it(name, async (t) => {
      const outcome = await pool.suffer(name, { grace: GRACE, repeat: TRACKED_ROUNDS });
      t.diagnostic(summary(outcome));
      assert.deepEqual(violationsOf([outcome]), []);
      assert.equal(outcome.rounds, TRACKED_ROUNDS);
      assert.ok(outcome.reads > 0);
      assert.ok(outcome.acknowledged + outcome.later > 0);
    });
  }
});

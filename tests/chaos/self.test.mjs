// The harness itself, with a protection switched off: it has to notice.
import assert from 'node:assert/strict';
import { describe as group, it } from 'node:test';
import { Pool } from './support/pool.mjs';

const GRACE = 1_000;
/** What meets what is chance: rounds at most until something is noticed. */
const MOST = 8;

group('the harness notices if', { concurrency: 2 }, () => {
  /** @param {string} promise that is broken then */
  const isNoticed = async (fault, breaks, promise = 'P1') => {
    const isBroken = ({ promises }) => promises[promise].violations.length > 0;
    const pool = new Pool({ breaks, slowest: 120 });
    const outcome = await pool.suffer(fault, { grace: GRACE, repeat: MOST, until: isBroken });
    await pool.close();
    return isBroken(outcome);
  };

  it('a bus has no heartbeat', async () => assert.ok(await isNoticed('a bus falls silent', 'heartbeat')));
  it('memory is kept although a bus missed something', async () => assert.ok(await isNoticed('a bus is cut', 'flush')));
  it('a load stores its value whatever happened since it began', async () =>
    assert.ok(await isNoticed('none', 'lease')));
  it('only timers tell that a bus is silent, and the process stood still', async () =>
    assert.ok(await isNoticed('a process stands still while its bus falls silent', 'check')));
});

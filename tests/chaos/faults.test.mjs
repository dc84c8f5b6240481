// Four processes with a cache each, over one server, while the server, the network or a process fails: nothing is served that
// an acknowledged invalidation made wrong, but for as long as a silent bus takes to be noticed.
import assert from 'node:assert/strict';
import { describe as group, it } from 'node:test';
import { describe } from './support/oracle.mjs';
import { FAULTS, suffer } from './support/rounds.mjs';

// Heartbeat and patience are 200 ms each here; the rest is for a machine that does other things as well.
const GRACE = 1_000;

group('nothing stale is served while', () => {
  for (const name of Object.keys(FAULTS)) {
    it(name === 'none' ? 'nothing fails' : name, async (t) => {
      const { violations, staleness, changes, acknowledged, facts } = await suffer(name, { grace: GRACE });
      t.diagnostic(
        `${acknowledged} of ${changes} changes acknowledged; late reads: ${staleness.length}, by at most ${Math.max(0, ...staleness).toFixed(0)} ms`,
      );
      assert.equal(violations.length, 0, describe(violations));
      // Something was seen, and no read failed, whatever did.
      assert.ok(acknowledged > 0);
      for (const { reads, failures, failure } of facts) {
        assert.ok(reads > 0);
        assert.equal(failures, 0, failure);
      }
      assert.deepEqual(
        facts.map(({ engine }) => engine),
        ['native', 'native', 'wasm', 'wasm'],
      );
    });
  }
});

group('the harness notices if', () => {
  /** Until there is a violation, a few times at most: what meets what is chance. */
  async function isNoticed(fault, breaks) {
    for (let i = 0; i < 5; i++) {
      const { violations } = await suffer(fault, { breaks, slowest: 120, grace: GRACE });
      if (violations.length > 0) return true;
    }
    return false;
  }

  it('a bus has no heartbeat', async () => assert.ok(await isNoticed('a bus falls silent', 'heartbeat')));
  it('memory is kept although a bus missed something', async () => assert.ok(await isNoticed('a bus is cut', 'flush')));
  it('a load stores its value whatever happened since it began', async () =>
    assert.ok(await isNoticed('none', 'lease')));
});

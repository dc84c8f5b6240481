// A minute in which the server answers nothing, while an application goes on at full speed.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import { CLIENTS } from './support/clients.mjs';
import { startServer } from './support/server.mjs';

/** What a cache keeps at most of what it could not tell the second tier, and calls that it waits for at a time. */
const MOST_PENDING = 10_000;
const MOST_IN_FLIGHT = 1_024;
const MIB = 2 ** 20;
const mib = (bytes) => (bytes / MIB).toFixed(1);

describe('a server that stands still for a minute', { concurrency: true }, () => {
  for (const library of Object.keys(CLIENTS)) {
    it(`fails no call over ${library} and fills no memory: what was to be told is bounded, and what was too much is counted`, async (t) => {
      const server = await startServer();
      const child = fork(new URL('./support/stalled.mjs', import.meta.url), [library, String(server.port)], {
        execArgv: ['--expose-gc'],
      });
      after(() => {
        // One that is not told that the server stands still, as something failed before, goes on for ever.
        child.kill('SIGKILL');
        return server.stop();
      });
      const exit = once(child, 'exit');
      const [warm] = await once(child, 'message');
      assert.equal(warm.pending.overflows, 0);
      server.suspend();
      child.send('it stands still');
      const [stalled] = await once(child, 'message');
      server.resume();
      assert.deepEqual(await exit, [0, null]);
      t.diagnostic(
        `${library}: ${mib(stalled.used - warm.used)} MiB more in use and ${mib(stalled.rss - warm.rss)} resident after ${stalled.calls} calls, the longest ${stalled.longest.toFixed(0)} ms; ${stalled.pending.changes} changes wait, ${stalled.pending.overflows} overflows`,
      );
      assert.equal(warm.failed + stalled.failed, 0);
      assert.equal(stalled.ok, false);
      // Of what is resident a runtime gives back this or that, by its own lights: up to 50 MiB between two runs.
      assert.ok(stalled.used - warm.used <= 16 * MIB, `${stalled.used - warm.used} bytes more`);
      assert.ok(stalled.pending.changes <= MOST_PENDING);
      assert.ok(stalled.inFlight <= MOST_IN_FLIGHT);
      // More than can be kept was changed.
      assert.ok(stalled.pending.queued > MOST_PENDING && stalled.pending.overflows > 0);
    });
  }
});

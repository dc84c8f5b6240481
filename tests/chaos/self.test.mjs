// The harness itself, with a protection switched off: it has to notice.
import assert from 'node:assert/strict';
import { describe as group, it } from 'node:test';
import { GRACE } from './support/fleet.mjs';
import { Pool } from './support/pool.mjs';
import { summary } from './support/report.mjs';

/** What meets what is chance: rounds at most until something is noticed. */
const MOST = 40;

/** What is switched off, by what it is in words; a fault in which that matters; and the promise that it breaks. */
const BREAKS = {
  'a bus has no heartbeat': ['heartbeat', 'a bus falls silent', 'P1'],
  'memory is kept although a bus missed something': ['flush', 'a bus falls silent', 'P1'],
  'a second tier gives what it has though a tag of it was invalidated': ['tags', 'none', 'P1'],
  // Memory refuses what was overtaken by a change that was heard of: so that must take a while.
  'a load stores its value whatever happened since it began': ['lease', 'what others say comes late', 'P1'],
  'only timers tell that a bus is silent, and the process stood still': [
    'check',
    'a process stands still while its bus falls silent',
    'P1',
  ],
  'everybody counts the grants of a lock for himself': ['fences', 'none', 'P7'],
  'no counter shows that a second tier fails': ['counts', 'the server is down', 'P10'],
};

group('the harness notices if', { concurrency: 2 }, () => {
  for (const [name, [breaks, fault, promise]] of Object.entries(BREAKS)) {
    it(name, async (t) => {
      const isNoticed = ({ promises }) => promises[promise].violations.length > 0;
      const pool = new Pool({ breaks, slowest: 120 });
      const outcome = await pool.suffer(fault, { grace: GRACE, repeat: MOST, until: isNoticed });
      await pool.close();
      assert.ok(isNoticed(outcome), summary(outcome));
      t.diagnostic(`noticed in round ${outcome.rounds} that ${name}`);
    });
  }
});

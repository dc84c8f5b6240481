// A reporter for `node --test`: the counts and what tests had to say, as one JSON object when all is done.
import { resolve } from 'node:path';

export default async function* countReporter(events) {
  /** @type {{ passed: number, failed: number, skipped: number, emptyFiles: string[], notes: string[] }} */
  const counts = { passed: 0, failed: 0, skipped: 0, emptyFiles: [], notes: [] };
  for await (const { type, data } of events) {
    // Those without a file are the runner's own.
    if (type === 'test:diagnostic' && data.file !== undefined) counts.notes.push(data.message);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') {
      // A suite is no test. It counts only where it failed by itself: in a hook, or in its own code.
      const cause = data.details.error?.failureType;
      if (type === 'test:fail' && cause !== 'subtestsFailed') counts.failed += 1;
    } else if (data.skip !== undefined || data.todo !== undefined) {
      counts.skipped += 1;
    } else if (type === 'test:fail') {
      counts.failed += 1;
    } else if (data.nesting === 0 && resolve(data.name) === data.file) {
      // A file that defines no test is reported as a test that passed.
      counts.emptyFiles.push(data.name);
    } else {
      counts.passed += 1;
    }
  }
  yield JSON.stringify(counts);
}

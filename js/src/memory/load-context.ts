import { toMilliseconds } from '../duration.js';
import { invalidArgument, TiercelError } from '../errors.js';
import type { Run, Stale } from './flight.js';
import { readTags } from './options.js';
import type { LoadContext, Validators } from './types.js';

/** What the loader that a run calls may ask and say. */
export function contextOf<V>(run: Run<V>): LoadContext<V> {
  const { key, terms, stale } = run;
  return {
    key,
    get signal() {
      return run.abort.signal;
    },
    setTtl(ttl: unknown) {
      terms.options.ttl = toMilliseconds(ttl, 'ttl');
      terms.hasTtl = true;
    },
    setTags(...tags: string[]) {
      run.note(readTags(tags, 'tags', invalidArgument), []);
      terms.options.tags = [...(terms.options.tags ?? []), ...tags];
    },
    setValidators(validators: Validators) {
      terms.options.note = { ...terms.options.note, ...readValidators(validators) };
    },
    skip() {
      terms.skipped = true;
    },
    fail(error: unknown): never {
      terms.failed = { error };
      throw error;
    },
    notModified(): V {
      if (stale === undefined) {
        throw new TiercelError(
          'ERR_TIERCEL_INVALID_ARGUMENT',
          'notModified: there is no stale value to keep; send validators only if context.stale is there',
        );
      }
      terms.options.note = { ...stale.note, ...terms.options.note };
      return stale.value();
    },
    ...(stale !== undefined && { stale: known(stale) }),
  };
}

function known<V>({ value, note }: Stale<V>): { readonly value: V } & Validators {
  const { etag, lastModified } = note ?? {};
  return {
    value: value(),
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { lastModified }),
  };
}

function readValidators(validators: unknown): Validators {
  if (typeof validators !== 'object' || validators === null)
    throw invalidArgument('validators', validators, 'an object with etag, lastModified or both');
  const { etag, lastModified } = validators as Record<string, unknown>;
  for (const [name, value] of Object.entries({ etag, lastModified })) {
    if (value !== undefined && typeof value !== 'string') throw invalidArgument(name, value, 'a string');
  }
  return {
    ...(etag !== undefined && { etag: etag as string }),
    ...(lastModified !== undefined && { lastModified: lastModified as string }),
  };
}

// Tests that do not apply to caches that threads share, by what their names contain, and why. They are skipped in the run
// of "shared", and counted.
const NOT_SHARED = [
  ['with values by reference|in reference mode|of values by reference|values by reference that', 'values are bytes'],
  ['may hold (-0|NaN|\\[\\]), which is a value', 'compares objects by identity, or what JSON cannot carry'],
  ['gives the loader its key, a signal', 'stores a signal'],
  ['option (weight|sizeOf) of', 'sizes are measured'],
  ['setMany applies its options to each entry|tags and weight of its options', 'gives a weight'],
  ['maxBytes (drops those unused|is resized down|applies beside|of 0 means)', 'gives weights'],
  ['to a cache by reference that was made without', 'values are bytes'],
  ['addTags is false, and the entry gone, if it has no room', 'gives a weight'],
  ['keeps 10000 entries by default', 'shards reach their parts of a bound one by one'],
  ['maxEntries of resize may be 1', 'a bound is at least the number of shards'],
  ['changes the bounds', 'resizes to fewer entries than there are shards'],
  [
    'is of the namespace, and tells its listeners and dependents',
    'appointments are kept by any thread, events come after',
  ],
  ['scheduleInvalidation may have a listener that closes the cache', 'the same'],
  [
    'a value that goes with the message|a value is not taken',
    'a memory of several threads takes no values that are told',
  ],
  [
    'made up for, in order, and read only then|for the others as well, as long as it would|another cache changed it before',
    'a memory of several threads does not say what is the newest value',
  ],
  ['away during a write: all have the new value', 'the same'],
  [
    '100 hits of tagged values|cache of two tiers (have a ttl each|may have other times|write-behind caches at once)',
    'what was set comes to a memory of several threads with the next read',
  ],
  ['keeps its validators, and what was not modified is fresh again', 'of values by reference as well'],
  ['only because of a value that cannot be kept is well', 'values are bytes'],
];

/** What the names match of those tests that apply. */
export const SHARED_PATTERN = `^(?!.*(?:${NOT_SHARED.map(([pattern]) => pattern).join('|')}))`;

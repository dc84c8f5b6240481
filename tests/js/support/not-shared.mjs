// Tests that do not hold for caches that threads share, by what their names contain, and why. Each fails there. They are
// skipped in the run of "shared", and counted.
const NOT_SHARED = [
  ['in reference mode a value (comes back|may be of any|is shared|that is a thenable)', 'values are bytes'],
  ['in reference mode may be that of a value that holds itself', 'the same'],
  ['a snapshot of values by reference (leaves out|of another engine)', 'the same'],
  ['is refused in reference mode, and if a method is missing', 'the same'],
  ['to a cache by reference that was made without', 'the same'],
  ['only because of a value that cannot be kept is well', 'the same'],
  ['may hold (-0|NaN|\\[\\]), which is a value', 'compares objects by identity, or what JSON cannot carry'],
  ['gives the loader its key, a signal', 'stores a signal'],
  ['option weight of \\w+ may be \\d', 'sizes are measured'],
  ['setMany applies its options to each entry|tags and weight of its options', 'gives a weight'],
  ['maxBytes (drops those unused|is resized down|applies beside|of 0 means)', 'gives weights'],
  ['addTags is false, and the entry gone, if it has no room', 'gives a weight'],
  ['keeps 10000 entries by default', 'shards reach their parts of a bound one by one'],
  ['maxEntries of resize may be 1', 'a bound is at least the number of shards'],
  ['(now|serialize), called by .+ one that changes the bounds', 'resizes to fewer entries than there are shards'],
  [
    'is of the namespace, and tells its listeners and dependents',
    'appointments are kept by any thread, events come after',
  ],
  ['scheduleInvalidation may have a listener that closes the cache', 'the same'],
  ['a value that goes with the message (?!is refused)', 'a memory of several threads takes no values that are told'],
  [
    'a value is not taken (that a later set of another|while|after|that is of before|that may have been on its way)',
    'the same',
  ],
  [
    'made up for, in order, and read only then|for the others as well, as long as it would|another cache changed it before',
    'a memory of several threads does not say what is the newest value',
  ],
  ['away during a write: all have the new value|refused because too much is under way', 'the same'],
  ['what values go with is a message for each call', 'a memory of several threads takes no values that are told'],
  [
    '100 hits of tagged values|cache of two tiers (have a ttl each|may have other times|write-behind caches at once)',
    'what was set comes to a memory of several threads with the next read',
  ],
];

/** What the names match of those tests that hold. */
export const SHARED_PATTERN = `^(?!.*(?:${NOT_SHARED.map(([pattern]) => pattern).join('|')}))`;

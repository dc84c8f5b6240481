/* The boundary of the Tiercel core: all that a binding (wasm, Node addon, C program) sees of it.
 *
 * Conventions
 *
 * 1. Version first. A binding compares tiercel_abi_version() with TIERCEL_ABI_VERSION before any other
 *    call and refuses to go on if they differ.
 * 2. An engine is one world: its caches, handles, registers and last message. Engines share nothing. An
 *    engine is not synchronised: one thread at a time. The core keeps no static state.
 * 3. Handles (caches, namespaces, loads) are doubles that hold an integer: slot in the low 20 bits,
 *    generation above. They are never 0. A handle that was closed, forgotten or made up is answered with
 *    TIERCEL_BAD_HANDLE; it never reads another object. A slot is the number of an entry, below 2^31; it
 *    is valid until the next call that may remove an entry.
 * 4. A call returns >= 0 on success (a slot, a count, a handle, 0) and a negative TiercelStatus if not.
 *    With TIERCEL_BAD_OPTION and TIERCEL_BAD_ARGUMENT tiercel_message() says what is wrong, as JSON.
 * 5. Ownership. A pointer passed in is read during the call and never kept; that of tiercel_frame_seal is
 *    written as well. A pointer given out (buffer,
 *    registers, message, key, value) belongs to the engine; all but the registers are valid until the
 *    next call on that engine.
 * 6. Strings (keys, namespace parts, tags) are pointer, length in bytes and encoding. Any JavaScript
 *    string is a different string here: nothing is normalised, lone surrogates stay. UTF-16 is
 *    little-endian. A string whose units all fit a byte is stored as Latin-1 however it was passed. The
 *    pointer of a UTF-16 string is even. A list of strings is packed: for each a u32 of
 *    (bytes * 4 + kind * 2 + encoding), little-endian, its bytes, and zeros up to a multiple of 4. The kind
 *    is 0 for a tag and 1 for a key that the entry depends on; lists of other things have 0. The highest bit
 *    of that u32 marks a name that comes from an entry that is depended on, as tiercel_names gives them.
 * 7. Time is an argument: `now`, milliseconds of a monotonic clock of the caller's. A `now` below one
 *    seen before is taken as that one, and so is one that is no finite number. Durations are milliseconds
 *    from 0 to 2^53 - 1; 0 means "none".
 * 8. Hot calls carry numbers only. What does not fit the returned number is left in the engine's
 *    registers; each call says which of them it writes. No struct crosses: options come in and
 *    statistics go out as one JSON document in UTF-8.
 * 9. A call that runs out of memory is fully done or not done at all.
 * 10. Stripes. Several engines, each with one cache, can be the stripes of one larger cache: each with a
 *    lock of the binding's, the same seed, and of the keys those that tiercel_stripe gives it. What concerns
 *    all keys (tags, prefixes, patterns, namespaces, iterations) the binding calls on each, with all locks
 *    held. A dependency on a key of another stripe is the binding's to pass on: tiercel_names and, for a
 *    load, tiercel_load_overtake, when it is named, and tiercel_changed, when R_CHANGED says so.
 */
#ifndef TIERCEL_ABI_H_
#define TIERCEL_ABI_H_

#include <stdint.h>

#if defined(__EMSCRIPTEN__)
#define TIERCEL_EXPORT(name) __attribute__((export_name(#name)))
#elif defined(__GNUC__)
#define TIERCEL_EXPORT(name) __attribute__((visibility("default")))
#else
#define TIERCEL_EXPORT(name)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised by any change that an existing binding would notice. */
#define TIERCEL_ABI_VERSION 4

typedef struct TiercelEngine TiercelEngine;

typedef enum TiercelStatus {
  TIERCEL_OK = 0,
  /* No such entry, or none that may be served: absent, expired, invalidated. */
  TIERCEL_MISS = -1,
  /* The entry alone is over the byte budget, or what is pinned leaves no room for it. It was not stored; an
   * older entry of its key was removed. */
  TIERCEL_REJECTED = -2,
  /* An invalidation, or a newer value of the key, overtook the load. It was not stored. */
  TIERCEL_OVERTAKEN = -3,
  TIERCEL_NO_MEMORY = -4,
  TIERCEL_BAD_HANDLE = -5,
  TIERCEL_BAD_OPTION = -6,
  TIERCEL_BAD_ARGUMENT = -7,
  /* Longer than the cache's maxKeyBytes. */
  TIERCEL_KEY_TOO_LONG = -8,
  /* More namespaces, caches or loads at once than a handle can tell apart (2^20), namespaces deeper than
   * TIERCEL_MAX_DEPTH, more than TIERCEL_MAX_TAGS tags on an entry, or more than TIERCEL_MAX_NAMES tags and
   * dependencies, those that come with a dependency included. */
  TIERCEL_LIMIT = -9
} TiercelStatus;

/* How the units of a string are stored. */
typedef enum TiercelEncoding {
  TIERCEL_LATIN1 = 0,
  TIERCEL_UTF16 = 1,
  /* For tiercel_set alone: the key that the last tiercel_get missed; `key` and `length` are not read. */
  TIERCEL_MISSED = 2
} TiercelEncoding;

/* Flags of tiercel_get. */
typedef enum TiercelGetFlags {
  /* Neither counted in the statistics nor seen by the eviction policy. */
  TIERCEL_GET_PEEK = 1,
  /* Also accept an entry past its ttl but within its stale time. */
  TIERCEL_GET_STALE = 2,
  /* Also give the entry's tags, as a packed list: R_KEY and R_KEY_LENGTH. */
  TIERCEL_GET_TAGS = 4
} TiercelGetFlags;

/* Flags of tiercel_set and tiercel_load_commit. */
typedef enum TiercelSetFlags {
  /* The entry is never evicted for room; it counts in the bounds, and leaves by any other cause. */
  TIERCEL_SET_PINNED = 1
} TiercelSetFlags;

/* What tiercel_touch does with `ttl`. */
typedef enum TiercelTouchMode {
  /* The entry stays fresh for that long from now; its stale time is kept. */
  TIERCEL_TOUCH_RENEW = 0,
  /* The entry stays fresh for that much longer; one without ttl is left alone. No jitter. */
  TIERCEL_TOUCH_EXTEND = 1,
  /* The entry is stale from now until it would have gone, and a load of its key is overtaken, whether or not
   * there is an entry; `ttl` is not read. */
  TIERCEL_TOUCH_EXPIRE = 2
} TiercelTouchMode;

/* Facts about a value for tiercel_ttl. */
typedef enum TiercelTtlFlags {
  TIERCEL_TTL_FAVORITE = 1,
  TIERCEL_TTL_HIGH_FREQUENCY = 2,
  TIERCEL_TTL_PREMIUM = 4
} TiercelTtlFlags;

/* Why an entry left the cache. */
typedef enum TiercelCause {
  TIERCEL_CAUSE_EXPLICIT = 0,
  TIERCEL_CAUSE_REPLACED = 1,
  TIERCEL_CAUSE_EXPIRED = 2,
  TIERCEL_CAUSE_SIZE = 3,
  TIERCEL_CAUSE_TAG = 4,
  TIERCEL_CAUSE_CLEAR = 5,
  /* By a prefix or a pattern. */
  TIERCEL_CAUSE_PATTERN = 6,
  /* A key that it depends on changed or went. */
  TIERCEL_CAUSE_DEPENDENCY = 7
} TiercelCause;

/* What is wrong with a frame. */
typedef enum TiercelFrameFault {
  TIERCEL_FRAME_SOUND = 0,
  /* Something else wrote it. */
  TIERCEL_FRAME_FOREIGN = 1,
  TIERCEL_FRAME_OTHER_VERSION = 2,
  TIERCEL_FRAME_TRUNCATED = 3,
  /* It was changed, or goes on where it should end. */
  TIERCEL_FRAME_DAMAGED = 4,
  /* Its checksum is right, and what it says is not. */
  TIERCEL_FRAME_MALFORMED = 5,
  TIERCEL_FRAME_OTHER_PLACE = 6
} TiercelFrameFault;

/* A frame: what a second tier stores of an entry. A head, at these offsets, then what it has lengths of: the
 * scopes (name, token, name, token ...), the place (the parts of the namespace and the key), the names (tags
 * and dependencies, by kind) and the validators (an etag is of kind 0, a last-modified of kind 1), all four
 * as packed lists, and the payload. Numbers are little-endian: u32, but for the f64 that are said to be. */
enum {
  TIERCEL_FRAME_VERSION = 1,
  /* Two bytes of magic and one more, and a byte of the version. */
  TIERCEL_FRAME_MAGIC = 0,
  /* The caller's own, for the payload. */
  TIERCEL_FRAME_FORMAT = 4,
  /* u64, of all the rest. */
  TIERCEL_FRAME_CHECKSUM = 8,
  /* f64: when the load began and when the frame was written, by clocks of the caller's, and not NaN; then
   * milliseconds from 0 to infinity: the ttl, the stale time, and how long the load took. */
  TIERCEL_FRAME_LOADED_AT = 16,
  TIERCEL_FRAME_WRITTEN_AT = 24,
  TIERCEL_FRAME_TTL = 32,
  TIERCEL_FRAME_STALE = 40,
  TIERCEL_FRAME_TOOK = 48,
  /* In bytes, of scopes, place, names, validators and payload. */
  TIERCEL_FRAME_LENGTHS = 56,
  TIERCEL_FRAME_HEAD = 76,
  /* In each of the lists. */
  TIERCEL_FRAME_MOST_STRINGS = 1024
};

/* Indices into the registers. */
typedef enum TiercelRegister {
  /* Removals waiting in the log (tiercel_removal); written by every call that may remove an entry. */
  TIERCEL_R_REMOVALS = 0,
  /* Address and length in bytes of a value and the format number it was stored with; bytes mode only. */
  TIERCEL_R_VALUE = 1,
  TIERCEL_R_VALUE_LENGTH = 2,
  TIERCEL_R_FORMAT = 3,
  /* Address, length in bytes and encoding of a key, or address and length of a packed list. */
  TIERCEL_R_KEY = 4,
  TIERCEL_R_KEY_LENGTH = 5,
  TIERCEL_R_KEY_ENCODING = 6,
  /* 1 if the entry is past its ttl and served within its stale time, else 0. */
  TIERCEL_R_IS_STALE = 7,
  /* Milliseconds the entry stays fresh, negative once stale, infinity if it has no ttl. */
  TIERCEL_R_TTL = 8,
  /* TiercelCause of a removal. */
  TIERCEL_R_CAUSE = 9,
  /* Handle of the namespace an entry is in. */
  TIERCEL_R_NAMESPACE = 10,
  /* 1 if tiercel_load_begin found a load of the key in flight, else 0. */
  TIERCEL_R_JOINED = 11,
  /* 1 if nothing but single keys was invalidated since the load began, else 0. */
  TIERCEL_R_UNTOUCHED = 12,
  /* Entries stored or waiting to be reclaimed, and their accounted bytes; written with R_REMOVALS. */
  TIERCEL_R_ENTRIES = 13,
  TIERCEL_R_BYTES = 14,
  /* When there is next something to do for tiercel_sweep: a time, one that has passed if something waits, or
   * infinity. Written with R_REMOVALS. */
  TIERCEL_R_NEXT_DUE = 15,
  /* 1 if the call changed its key, so that what depends on it is out of date, here and elsewhere; else 0. */
  TIERCEL_R_CHANGED = 16,
  /* What tiercel_names tells the time by: it grows with each change. Written with R_REMOVALS. */
  TIERCEL_R_SEQUENCE = 17,
  /* Those from here on are the binding's own. */
  TIERCEL_R_BINDING = 18,
  TIERCEL_REGISTERS = 32
} TiercelRegister;

enum {
  /* Namespaces below the root that a key may be nested in. */
  TIERCEL_MAX_DEPTH = 16,
  /* Tags of one entry; tags and dependencies of one entry together. */
  TIERCEL_MAX_TAGS = 64,
  TIERCEL_MAX_NAMES = 128,
  /* Bytes, and wildcards, of a pattern. */
  TIERCEL_MAX_PATTERN = 256,
  TIERCEL_MAX_WILDCARDS = 8,
  TIERCEL_SEED_BYTES = 16
};

/* ---- Engine ---- */

TIERCEL_EXPORT(tiercel_abi_version) uint32_t tiercel_abi_version(void);

/* Makes an engine, NULL without memory. `registers` is the caller's array of TIERCEL_REGISTERS doubles,
 * which must outlive the engine; with NULL the engine uses its own. */
TIERCEL_EXPORT(tiercel_engine_new) TiercelEngine* tiercel_engine_new(double* registers);

/* Frees the engine and all its caches. NULL is allowed. */
TIERCEL_EXPORT(tiercel_engine_delete) void tiercel_engine_delete(TiercelEngine* engine);

/* Address of the registers, for the life of the engine. */
TIERCEL_EXPORT(tiercel_registers) double* tiercel_registers(TiercelEngine* engine);

/* A buffer of at least `bytes` bytes, aligned to 8, for the inputs of the next call; contents are not
 * kept from one request to the next. NULL without memory. */
TIERCEL_EXPORT(tiercel_buffer) uint8_t* tiercel_buffer(TiercelEngine* engine, uint32_t bytes);

/* A hash of `length` bytes of text under a seed of TIERCEL_SEED_BYTES, the same for both encodings of a
 * string and independent of what an index makes of that seed. `parent` is 0, or the result for the namespace
 * that the text is a part or a key of. Which of 2^n stripes has a key: the highest n bits. Uses no engine:
 * any thread. */
TIERCEL_EXPORT(tiercel_stripe)
uint32_t tiercel_stripe(const uint8_t* seed, uint32_t parent, const uint8_t* text, uint32_t length,
                        uint32_t encoding);

/* The last message or document, UTF-8 and NUL-terminated, and its length in bytes. */
TIERCEL_EXPORT(tiercel_message) const char* tiercel_message(TiercelEngine* engine);
TIERCEL_EXPORT(tiercel_message_length) uint32_t tiercel_message_length(TiercelEngine* engine);

/* ---- Cache ---- */

/* Opens a cache; returns the handle of its root namespace. Options are a JSON object:
 *   maxEntries   integer, 0 to 2^31 - 1; default 10000, or no bound if maxBytes is given; 0: no bound
 *   maxBytes     integer, 0 to 2^53 - 1; default 0: no bound. One bound at least is required. An entry counts
 *                80, its value or weight, its key if that has more than 32 bytes, 24 for each of its tags,
 *                dependencies and namespaces but the root, 24 if it has any of these or a ttl, and 16 for
 *                each of value (in bytes mode) and key that is counted
 *   policy       "adaptive" (default), "lru", "sieve", "s3fifo"
 *   values       "reference" (default): the caller keeps values by slot; "bytes": the core keeps them
 *   jitter       0 to 1, default 0: each ttl is scaled by a random factor of 1 - jitter to 1 + jitter
 *   maxKeyBytes  1 to 1048576, default 1024: longest key, namespace part or tag as stored
 *   ttlRules     an object, default none: what tiercel_ttl goes by
 *   stripes      1 (default) to 256, a power of two: of how many caches this one is a stripe
 *   stripe       0 (default) to stripes - 1: which; the others' keys are left out when it is restored
 * Unknown members are errors. */
TIERCEL_EXPORT(tiercel_cache_open)
double tiercel_cache_open(TiercelEngine* engine, const char* options, uint32_t length);

/* Frees the cache that `ns` belongs to; all its handles are bad from then on. */
TIERCEL_EXPORT(tiercel_cache_close) int32_t tiercel_cache_close(TiercelEngine* engine, double ns);

/* Sets the hash seed (TIERCEL_SEED_BYTES random bytes; zeros until then). Rebuilds the index: O(entries). To
 * snapshots taken before it is another cache. */
TIERCEL_EXPORT(tiercel_cache_seed)
int32_t tiercel_cache_seed(TiercelEngine* engine, double ns, const uint8_t* seed);

/* Changes the bounds, as in the options; a negative one stays. Evicts at most a slice; later calls go on.
 * Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE. */
TIERCEL_EXPORT(tiercel_cache_resize)
int32_t tiercel_cache_resize(TiercelEngine* engine, double ns, double max_entries, double max_bytes);

/* With `on` != 0 the log keeps key and value of what is removed until tiercel_removals_clear. */
TIERCEL_EXPORT(tiercel_cache_watch)
int32_t tiercel_cache_watch(TiercelEngine* engine, double ns, uint32_t on);

/* Leaves the statistics in the message, as a JSON object; `reset` != 0 sets the counters to 0 after. */
TIERCEL_EXPORT(tiercel_cache_stats)
int32_t tiercel_cache_stats(TiercelEngine* engine, double ns, uint32_t reset);

/* ---- Namespaces ---- */

/* The handle of the namespace called `part` below `ns`. Asking again gives the same handle while it is
 * in use; an unused one may be forgotten, after which its handle is bad: ask again by name. O(1). */
TIERCEL_EXPORT(tiercel_namespace)
double tiercel_namespace(TiercelEngine* engine, double ns, const uint8_t* part, uint32_t length,
                         uint32_t encoding);

/* The path of a namespace from the root, as a packed list: writes R_KEY and R_KEY_LENGTH. Returns how many
 * parts. */
TIERCEL_EXPORT(tiercel_namespace_path)
int32_t tiercel_namespace_path(TiercelEngine* engine, double ns);

/* Invalidates all entries and loads of a namespace and of those below it; the root: of the cache.
 * Returns how many entries; O(1) beyond 4096 of them, whose space is reclaimed by later calls.
 * Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE. */
TIERCEL_EXPORT(tiercel_clear) double tiercel_clear(TiercelEngine* engine, double ns, double now);

/* Entries of a namespace and of those below it, dead ones included until they are reclaimed. */
TIERCEL_EXPORT(tiercel_size) double tiercel_size(TiercelEngine* engine, double ns);

/* ---- Entries ---- */

/* Finds an entry that may be served; `flags` of TiercelGetFlags. Returns its slot or TIERCEL_MISS.
 * Writes R_IS_STALE and R_TTL, in bytes mode R_VALUE, R_VALUE_LENGTH and R_FORMAT, and after a miss
 * R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE. O(1), no allocation but for the longest UTF-16 key so far. */
TIERCEL_EXPORT(tiercel_get)
int32_t tiercel_get(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length, uint32_t encoding,
                    double now, uint32_t flags);

/* Stores an entry and overtakes a load of its key; what depends on the key is invalidated. In bytes mode the
 * value is copied and `weight` is not read; in reference mode `value` is not read and `weight` is its size in
 * bytes. `format` is below 8, `names` a packed list of tags and dependencies, `flags` of TiercelSetFlags.
 * Returns the slot, TIERCEL_REJECTED or an error; with TIERCEL_MISSED also TIERCEL_MISS, and nothing is done,
 * if a call came since that took a key or stored one, or the get was of another namespace. Writes R_REMOVALS,
 * R_ENTRIES, R_BYTES, R_NEXT_DUE, R_CHANGED. O(names). */
TIERCEL_EXPORT(tiercel_set)
int32_t tiercel_set(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length, uint32_t encoding,
                    const uint8_t* value, uint32_t value_length, uint32_t format, double weight, double ttl,
                    double stale, const uint8_t* names, uint32_t names_length, uint32_t flags, double now);

/* Removes an entry and overtakes a load of its key; what depends on the key is invalidated. Returns how many
 * entries could have been served: with bit 0 the entry itself, and twice the number of its dependents.
 * Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE, R_CHANGED. */
TIERCEL_EXPORT(tiercel_delete)
double tiercel_delete(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                      uint32_t encoding, double now);

/* Changes how long a fresh or stale entry lives, as `mode` of TiercelTouchMode says. Returns its slot or
 * TIERCEL_MISS, also if a deadline is more than it has room for: then it was removed. Writes R_REMOVALS,
 * R_ENTRIES, R_BYTES, R_NEXT_DUE. */
TIERCEL_EXPORT(tiercel_touch)
int32_t tiercel_touch(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                      uint32_t encoding, double ttl, uint32_t mode, double now);

/* Adds tags, a packed list, to a fresh or stale entry. Returns its slot, TIERCEL_MISS, or TIERCEL_REJECTED if
 * it has no room with them: then it was removed. Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE,
 * R_CHANGED. */
TIERCEL_EXPORT(tiercel_add_tags)
int32_t tiercel_add_tags(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                         uint32_t encoding, const uint8_t* tags, uint32_t tags_length, double now);

/* The tags and dependencies of an entry that nothing invalidated, those included that it has from others, as
 * a packed list: writes R_KEY and R_KEY_LENGTH. Marked as inherited they go, with the key, into the `names`
 * of an entry on another stripe that depends on this one. Returns how many, or TIERCEL_MISS.
 *
 * For a load on another stripe `since` is the R_SEQUENCE that this one had when the load began, or an earlier
 * one: TIERCEL_OVERTAKEN if the key may have changed after that. Negative: not asked for. */
TIERCEL_EXPORT(tiercel_names)
int32_t tiercel_names(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                      uint32_t encoding, double since);

/* A key of another stripe changed: what depends on it here is invalidated, and loads that turn out to depend
 * on it are overtaken. Returns how many entries. Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE. */
TIERCEL_EXPORT(tiercel_changed)
double tiercel_changed(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                       uint32_t encoding, double now);

/* The time to live in milliseconds that the cache's ttlRules give to a value of this content type: `flags` of
 * TiercelTtlFlags, `modified` milliseconds since it was changed (negative: unknown), `hour` of the day from 0
 * to below 24 where the rules apply (negative: unknown). Jitter is included. 0 without rules. */
TIERCEL_EXPORT(tiercel_ttl)
double tiercel_ttl(TiercelEngine* engine, double ns, const uint8_t* type, uint32_t length, uint32_t encoding,
                   uint32_t flags, double modified, double hour);

/* Invalidates all entries with one of the tags, set through the same namespace, and loads that turn out
 * to have one. Count and cost as tiercel_clear. Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE. */
TIERCEL_EXPORT(tiercel_invalidate_tags)
double tiercel_invalidate_tags(TiercelEngine* engine, double ns, const uint8_t* tags, uint32_t length,
                               double now);

/* Invalidates all entries of `ns` itself, and loads, whose key begins with the prefix. Returns how many:
 * exactly in a cache of at most 16384 entries, else an upper bound, in O(1). Up to 4096 are removed within
 * the call; the space of more is reclaimed by later calls. Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE.
 */
TIERCEL_EXPORT(tiercel_invalidate_prefix)
double tiercel_invalidate_prefix(TiercelEngine* engine, double ns, const uint8_t* prefix, uint32_t length,
                                 uint32_t encoding, double now);

/* The same for keys that match a glob: `*` any units, `?` any one, `[abc]`, `[a-z]`, `[^a]` one of a set, `\`
 * the next unit as it is. At most TIERCEL_MAX_PATTERN bytes and TIERCEL_MAX_WILDCARDS of `*`; else
 * TIERCEL_BAD_ARGUMENT. While more than 8 patterns wait to be reclaimed the oldest is finished within the
 * call: O(entries). */
TIERCEL_EXPORT(tiercel_invalidate_pattern)
double tiercel_invalidate_pattern(TiercelEngine* engine, double ns, const uint8_t* pattern, uint32_t length,
                                  uint32_t encoding, double now);

/* 1 if a string, no longer than a key may be, matches a glob as above, else 0. */
TIERCEL_EXPORT(tiercel_match)
int32_t tiercel_match(TiercelEngine* engine, double ns, const uint8_t* pattern, uint32_t length,
                      uint32_t encoding, const uint8_t* text, uint32_t text_length, uint32_t text_encoding);

/* Reclaims what is expired, dead or over a bound: looks at `most` entries or slots at most, 1024 or so for a
 * fraction of a millisecond. Returns how many entries were removed; R_NEXT_DUE tells if more waits.
 * Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE. */
TIERCEL_EXPORT(tiercel_sweep)
int32_t tiercel_sweep(TiercelEngine* engine, double ns, uint32_t most, double now);

/* The tags of the entry in `slot`, as a packed list: writes R_KEY and R_KEY_LENGTH. Returns how many. */
TIERCEL_EXPORT(tiercel_tags)
int32_t tiercel_tags(TiercelEngine* engine, double ns, int32_t slot);

/* The value of the entry in `slot`: writes R_VALUE, R_VALUE_LENGTH, R_FORMAT. */
TIERCEL_EXPORT(tiercel_value)
int32_t tiercel_value(TiercelEngine* engine, double ns, int32_t slot);

/* ---- Iteration ---- */

/* Where an iteration begins: pass it, unchanged, to each tiercel_next. The number is that of the calls so
 * far, so it is the same on all stripes. O(entries / 32), to forget earlier iterations. */
TIERCEL_EXPORT(tiercel_iterate) double tiercel_iterate(TiercelEngine* engine, double ns);

/* The next entry of `ns` itself after `slot` (-1: the first) that may be served (stale ones too) and was
 * there when the iteration began. Returns its slot or TIERCEL_MISS at the end. An entry that stays
 * throughout is met once; none is met twice. Writes R_KEY, R_KEY_LENGTH, R_KEY_ENCODING, R_IS_STALE,
 * R_TTL and, in bytes mode, R_VALUE, R_VALUE_LENGTH, R_FORMAT. */
TIERCEL_EXPORT(tiercel_next)
int32_t tiercel_next(TiercelEngine* engine, double ns, int32_t slot, double iteration, double now);

/* ---- Loads ---- */

/* Announces that a value for the key is being fetched. Finds a load of the key in flight that nothing
 * overtook (R_JOINED 1) or begins one (R_JOINED 0). Returns its handle. Writes R_JOINED, R_UNTOUCHED. */
TIERCEL_EXPORT(tiercel_load_begin)
double tiercel_load_begin(TiercelEngine* engine, double ns, const uint8_t* key, uint32_t length,
                          uint32_t encoding);

/* Notes tags and dependencies that the value will have, as soon as they are known: from then on a load that
 * one of them was invalidated under is not joined. */
TIERCEL_EXPORT(tiercel_load_tags)
int32_t tiercel_load_tags(TiercelEngine* engine, double load, const uint8_t* names, uint32_t length);

/* Ends a load with a value. It is stored, as by tiercel_set but with the age of the load's beginning,
 * unless something invalidated its key, namespace, one of its tags or a key it depends on, or set its key,
 * since then: TIERCEL_OVERTAKEN. Of a dependency on another stripe the inherited names are given as well.
 * With `store` 0 it is only checked and 0 returned. Frees the handle, unless it returns an error (below
 * TIERCEL_OVERTAKEN): then the load goes on. Writes R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE, R_CHANGED. */
TIERCEL_EXPORT(tiercel_load_commit)
int32_t tiercel_load_commit(TiercelEngine* engine, double load, const uint8_t* value, uint32_t value_length,
                            uint32_t format, double weight, double ttl, double stale, const uint8_t* names,
                            uint32_t names_length, uint32_t flags, double now, uint32_t store);

/* What a load depends on changed on another stripe before anybody here depended on it: its value is out of
 * date, and nobody joins it any more. */
TIERCEL_EXPORT(tiercel_load_overtake) int32_t tiercel_load_overtake(TiercelEngine* engine, double load);

/* Ends a load without a value. */
TIERCEL_EXPORT(tiercel_load_end) int32_t tiercel_load_end(TiercelEngine* engine, double load);

/* ---- Snapshots ---- */

/* Begins a snapshot of all namespaces, in a buffer of the engine's. One at a time; a new one drops the last.
 * `wall` is the time of day in milliseconds since 1970, by which another process finds out what has expired
 * meanwhile; 0: unknown. */
TIERCEL_EXPORT(tiercel_snapshot_begin)
int32_t tiercel_snapshot_begin(TiercelEngine* engine, double ns, double wall, double now);

/* Looks for the next entry after `slot` (-1: the first), of any namespace, that may be served. In bytes mode
 * it is added to the snapshot; in reference mode R_KEY... are written, and the caller adds it with its value
 * by tiercel_snapshot_add, or leaves it out. Returns its slot or TIERCEL_MISS at the end. */
TIERCEL_EXPORT(tiercel_snapshot_next)
int32_t tiercel_snapshot_next(TiercelEngine* engine, double ns, int32_t slot, double now);

/* Adds the entry that tiercel_snapshot_next found, with its value, which is any bytes, and their format. */
TIERCEL_EXPORT(tiercel_snapshot_add)
int32_t tiercel_snapshot_add(TiercelEngine* engine, double ns, int32_t slot, const uint8_t* value,
                             uint32_t value_length, uint32_t format, double now);

/* Completes the snapshot: writes R_VALUE and R_VALUE_LENGTH, which hold until tiercel_snapshot_begin or
 * tiercel_snapshot_drop. */
TIERCEL_EXPORT(tiercel_snapshot_end) int32_t tiercel_snapshot_end(TiercelEngine* engine, double ns);

/* Frees the snapshot, or the one being restored. */
TIERCEL_EXPORT(tiercel_snapshot_drop) int32_t tiercel_snapshot_drop(TiercelEngine* engine, double ns);

/* Takes a copy of a snapshot, or of several one after the other, to restore from; `wall` as above.
 * TIERCEL_BAD_ARGUMENT if it is none, or of another version. */
TIERCEL_EXPORT(tiercel_restore_begin)
int32_t tiercel_restore_begin(TiercelEngine* engine, double ns, const uint8_t* data, uint32_t length,
                              double wall, double now);

/* Stores the next entry of it. Left out are entries that are damaged, have expired, are there already in
 * `ns`'s cache, were invalidated there since the snapshot was taken, or have no room. Returns the slot, or
 * TIERCEL_MISS at the end; after TIERCEL_NO_MEMORY the next call tries the same entry again. Writes R_VALUE,
 * R_VALUE_LENGTH and R_FORMAT: in reference mode the caller keeps the value that these bytes give. Writes
 * R_KEY, R_KEY_LENGTH, R_KEY_ENCODING, R_NAMESPACE, R_REMOVALS, R_ENTRIES, R_BYTES, R_NEXT_DUE. */
TIERCEL_EXPORT(tiercel_restore_next)
int32_t tiercel_restore_next(TiercelEngine* engine, double ns, double now);

/* ---- Removals ---- */

/* The log of removals since it was last cleared. Unwatched caches in bytes mode log nothing; unwatched
 * ones in reference mode log slots that are free now, so that the caller lets go of their values.
 * Returns the slot of the i-th. Writes R_CAUSE and, if watched, R_KEY, R_KEY_LENGTH, R_KEY_ENCODING,
 * R_NAMESPACE (which may be a bad handle by now) and, in bytes mode, R_VALUE, R_VALUE_LENGTH, R_FORMAT. */
TIERCEL_EXPORT(tiercel_removal)
int32_t tiercel_removal(TiercelEngine* engine, double ns, uint32_t i);

/* Empties the log; the caller must do so before it uses a slot that a later call returns. */
TIERCEL_EXPORT(tiercel_removals_clear)
int32_t tiercel_removals_clear(TiercelEngine* engine, double ns);

/* ---- Frames: `engine` is not looked into ---- */

/* Writes magic, version and checksum into a frame that is otherwise complete. Returns TIERCEL_FRAME_SOUND, or
 * TIERCEL_FRAME_MALFORMED, with nothing written, if the frame could not be read again. O(bytes). */
TIERCEL_EXPORT(tiercel_frame_seal)
int32_t tiercel_frame_seal(TiercelEngine* engine, uint8_t* frame, uint32_t bytes);

/* What is wrong with any bytes that should be a frame of this place, a packed list: one of TiercelFrameFault.
 * Allocates nothing. O(bytes). */
TIERCEL_EXPORT(tiercel_frame_check)
int32_t tiercel_frame_check(TiercelEngine* engine, const uint8_t* frame, uint32_t bytes, const uint8_t* place,
                            uint32_t place_bytes);

#ifdef __cplusplus
}
#endif

#endif /* TIERCEL_ABI_H_ */

import { FRAME_HEAD, FRAME_STALE } from '../generated/abi.js';

/*
 * What the server does in one step. Every script begins with the same four arguments: the prefix of all names, a text
 * that no other call has, for tokens to be made of; '1' if nothing counts that was written before the server started;
 * and until when, in milliseconds of the server's clock, the call may take effect, or '0'.
 *
 * An entry is a string: 'TCE' and 1, the length of what follows as u32, a list of scopes with the tokens that they had
 * before the value was loaded (name, token, name, token, in MessagePack), and then the frame, of which the scripts know the place of one number. An entry is alive if each of its scopes has that
 * token still. Tokens are made where none is, and are never the same twice: so to remove one is to invalidate all that
 * was checked against it, and to lose one does the same. Two scopes are not names of keys: `r` is the run of the server,
 * which ends when it restarts or another takes its place; `q` is how many barriers the namespace had.
 *
 * A namespace is a hash: `n` its token; `q` counts changes of prefixes and patterns, its barriers, and `g` those of tags;
 * `q<i>` and `g<i>` are the last RING of each. What is not among them any more is not known, and then nothing is served
 * or stored that would have to be compared with it.
 */

/** How long what a lease is checked against is kept at least: a load that takes longer is not stored. */
export const LEASE_MS = 600_000;
/** How many changes of prefixes and patterns, and of tags, a namespace remembers. */
export const RING = 128;

const PRELUDE = `
local prefix, nonce, distrusts, deadline = ARGV[1], ARGV[2], ARGV[3] == '1', tonumber(ARGV[4])
local LEASE, RING = ${LEASE_MS}, ${RING}
local sub, at, made, tokens, rings, kept, thisRun = string.sub, 4, 0, {}, {}, {}, nil

local function arg() at = at + 1 return ARGV[at] end
local function list() local l = {} for i = 1, tonumber(arg()) do l[i] = arg() end return l end
local function ms(n) return string.format('%.0f', n) end
local function now() local t = redis.call('TIME') return t[1] * 1000 + math.floor(t[2] / 1000) end

-- Nil if what is there is of another type, and so not ours.
local function ask(...)
  local found = redis.pcall(...)
  if type(found) ~= 'table' or not found.err then return found end
  if not string.find(found.err, 'WRONGTYPE', 1, true) then error(found.err) end
  return nil
end

local function run()
  thisRun = thisRun or string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
  return thisRun
end

local function current(name)
  local token = tokens[name]
  if token == nil then
    if sub(name, 1, 1) == 'n' then token = ask('HGET', prefix .. name, 'n') else token = ask('GET', prefix .. name) end
    token = token or false
    tokens[name] = token
  end
  return token
end

local function tokenOf(name)
  local token = current(name)
  if token then return token end
  -- A client may send a call again that was not answered: with the time it makes other tokens then.
  local time = redis.call('TIME')
  made = made + 1
  token = table.concat({ nonce, made, time[1], time[2] }, ':')
  local key = prefix .. name
  if sub(name, 1, 1) == 'n' then
    redis.call('DEL', key)
    redis.call('HSET', key, 'n', token)
    redis.call('PEXPIRE', key, LEASE)
  else
    redis.call('SET', key, token, 'PX', LEASE)
  end
  tokens[name] = token
  return token
end

local function ring(ns)
  local known = rings[ns]
  if not known then
    local counts = current(ns) and redis.call('HMGET', prefix .. ns, 'q', 'g') or {}
    known = { q = tonumber(counts[1] or 0) or 0, g = tonumber(counts[2] or 0) or 0 }
    rings[ns] = known
  end
  return known
end

-- Of a namespace that nobody has a token of nothing has to be remembered.
local function note(ns, kind, text)
  rings[ns] = nil
  if not current(ns) then return end
  local key = prefix .. ns
  local i = redis.pcall('HINCRBY', key, kind, 1)
  if type(i) == 'number' then
    redis.call('HSET', key, kind .. i, text)
    redis.call('HDEL', key, kind .. (i - RING))
  else
    redis.call('DEL', key)
    tokens[ns] = nil
  end
end

-- What happened in a namespace since then; nil if that is not known any more.
local function since(ns, kind, count)
  local last = ring(ns)[kind]
  if count == last then return {} end
  if not count or count > last or last - count > RING then return nil end
  local fields = {}
  for i = count + 1, last do fields[#fields + 1] = kind .. i end
  local found = redis.call('HMGET', prefix .. ns, unpack(fields))
  for i = 1, #fields do if not found[i] then return nil end end
  return found
end

-- Of all that is in the list of scopes only this number could be damaged without becoming wrong.
local function twice(count) return count .. ':' .. count end
local function countOf(text)
  local first, second = string.match(text, '^(%d+):(%d+)$')
  return first and first == second and tonumber(first) or nil
end

local function parse(value)
  if #value < ${8 + FRAME_HEAD} or sub(value, 1, 4) ~= 'TCE\\1' then return nil end
  local length = struct.unpack('<I4', value, 5)
  if #value < ${8 + FRAME_HEAD} + length then return nil end
  local isRead, scopes, more = pcall(cmsgpack.unpack, sub(value, 9, 8 + length))
  if not isRead or more or type(scopes) ~= 'table' then return nil end
  return scopes, 9 + length
end

-- An entry, or only the beginning of it. Status: 0 nothing there, 1 alive if the barriers let it, 2 dead, 3 not ours.
local function look(id, ns, whole)
  local key = prefix .. 'e:{' .. id .. '}'
  local value
  if whole then value = ask('GET', key) else value = ask('GETRANGE', key, 0, 511) end
  if value == nil then return { status = 3 } end
  if not value or value == '' then return { status = 0 } end
  if not whole and #value == 512 and struct.unpack('<I4', value, 5) > ${504 - FRAME_HEAD} then
    value = redis.call('GETRANGE', key, 0, ${8 + FRAME_HEAD} + struct.unpack('<I4', value, 5))
  end
  local scopes, frameAt = parse(value)
  if not scopes then return { status = 3 } end
  local count
  for i = 1, #scopes, 2 do
    local name, token = scopes[i], scopes[i + 1]
    if type(name) ~= 'string' or type(token) ~= 'string' then return { status = 3 } end
    if name == 'q' then count = countOf(token)
    elseif name == 'r' then if distrusts and token ~= run() then return { status = 2 } end
    elseif current(name) ~= token then return { status = 2 } end
  end
  local barriers = since(ns, 'q', count)
  if not barriers then return { status = 2 } end
  return { status = 1, key = key, value = value, scopes = scopes, frameAt = frameAt, barriers = barriers }
end

-- Adds the scopes of entries that another is made from, and their tokens. Returns the barriers it is to be compared with.
local function inherit(ids, ns, into)
  local count = ring(ns).q
  for _, id in ipairs(ids) do
    local from = look(id, ns, false)
    for i = 1, from.status == 1 and #from.scopes or 0, 2 do
      local name, token = from.scopes[i], from.scopes[i + 1]
      if name == 'q' then count = math.min(count, countOf(token))
      elseif name ~= 'r' then
        into[#into + 1] = name
        into[#into + 1] = token
      end
    end
  end
  return count
end

-- Tokens stay at least as long as what is checked against them. 0: for ever.
local function keep(name, life)
  if kept[name] and (kept[name] == 0 or (life ~= 0 and kept[name] >= life)) then return end
  kept[name] = life
  local key = prefix .. name
  local left = redis.call('PTTL', key)
  if left == -1 then return end
  if life == 0 then redis.call('PERSIST', key)
  elseif left < life then redis.call('PEXPIRE', key, ms(life + LEASE)) end
end

local function isLate() return deadline > 0 and now() > deadline end
`;

/**
 * Per read: id, namespace, '1' for a lease; and for that the scopes it covers, and the ids of keys that the value is made
 * from. Answers per read its status; if alive, how long it is kept, the frame, and the barriers to be
 * compared with, and the keys it is made from; for a lease a list: run, barriers now and for the entry, changes of tags, and
 * the tokens of all scopes, further ones by name.
 */
const READ = `
local reply = {}
local function put(v) reply[#reply + 1] = v end
for _ = 1, tonumber(arg()) do
  local id, ns, leased = arg(), arg(), arg() == '1'
  local seen = look(id, ns, true)
  put(seen.status)
  if seen.status == 1 then
    put(redis.call('PTTL', seen.key))
    put(sub(seen.value, seen.frameAt))
    local barriers = seen.barriers
    if #barriers > 0 then
      for i = 1, #seen.scopes, 2 do
        if sub(seen.scopes[i], 1, 2) == 'k:' then barriers[#barriers + 1] = seen.scopes[i] end
      end
    end
    put(barriers)
  end
  if leased then
    local scopes, others = list(), list()
    local lease = { distrusts and run() or '-', 0, 0, 0 }
    for _, name in ipairs(scopes) do lease[#lease + 1] = tokenOf(name) end
    local count = inherit(others, ns, lease)
    lease[2], lease[3], lease[4] = ring(ns).q, count, ring(ns).g
    put(lease)
  end
end
return reply
`;

/**
 * Per write: id, namespace, how long it is kept (0: for ever, -1: not at all), the frame, the scopes of the entry, and
 * '1' if there is a lease. With one: run, barriers at its read and for the entry, changes of tags; names and
 * tokens of all that it covers. Without: the ids of the keys that the value is made from. Answers the time, and whether each was stored.
 */
const WRITE = `
local reply = { now() }
if isLate() then return { reply[1], -1 } end

local function leased(ns, names)
  local r, atRead, count, changes, covered = arg(), tonumber(arg()), arg(), tonumber(arg()), list()
  if distrusts and r ~= run() then return nil end
  local known = {}
  for i = 1, #covered, 2 do
    if current(covered[i]) ~= covered[i + 1] then return nil end
    known[covered[i]] = covered[i + 1]
  end
  if ring(ns).q ~= atRead then return nil end
  local scopes, changed = { 'r', r, 'q', twice(count) }, nil
  for _, name in ipairs(names) do
    local token = known[name]
    if not token then
      -- Only known since the load: right if it was not changed meanwhile.
      changed = changed or since(ns, 'g', changes)
      if not changed or sub(name, 1, 1) ~= 't' then return nil end
      for _, other in ipairs(changed) do if other == name then return nil end end
      token = tokenOf(name)
    end
    scopes[#scopes + 1] = name
    scopes[#scopes + 1] = token
  end
  return scopes
end

local function unleased(ns, names)
  local scopes = {}
  for _, name in ipairs(names) do
    scopes[#scopes + 1] = name
    scopes[#scopes + 1] = tokenOf(name)
  end
  local count = inherit(list(), ns, scopes)
  for _, v in ipairs({ 'r', distrusts and run() or '-', 'q', twice(count) }) do scopes[#scopes + 1] = v end
  return scopes
end

for _ = 1, tonumber(arg()) do
  local id, ns, life, frame, names = arg(), arg(), tonumber(arg()), arg(), list()
  local scopes
  if arg() == '1' then scopes = leased(ns, names) else scopes = unleased(ns, names) end
  if scopes then
    local key, own, lease = prefix .. 'e:{' .. id .. '}', 'k:{' .. id .. '}', 'l:{' .. id .. '}'
    redis.call('DEL', key, prefix .. own, prefix .. lease)
    tokens[own], tokens[lease] = false, false
    if life >= 0 then
      local packed = cmsgpack.pack(scopes)
      local value = 'TCE\\1' .. struct.pack('<I4', #packed) .. packed .. frame
      if life == 0 then redis.call('SET', key, value) else redis.call('SET', key, value, 'PX', ms(life)) end
      for i = 1, #scopes, 2 do
        if scopes[i] ~= 'r' and scopes[i] ~= 'q' then keep(scopes[i], life) end
      end
    end
  end
  reply[#reply + 1] = scopes and 1 or 0
end
return reply
`;

/**
 * Per change its kind: `d` (deleted, or set elsewhere) and `x` (expired) with id and namespace; `t` with namespace and
 * scopes of tags; `b` with namespace and barrier; `c` with namespace. Answers how many entries each is known to concern.
 */
const CHANGE = `
local reply = {}
for _ = 1, tonumber(arg()) do
  local kind = arg()
  local count = 0
  if kind == 'd' then
    local id, ns = arg(), arg()
    count = look(id, ns, false).status == 1 and 1 or 0
    redis.call('DEL', prefix .. 'e:{' .. id .. '}', prefix .. 'k:{' .. id .. '}', prefix .. 'l:{' .. id .. '}')
    tokens['k:{' .. id .. '}'] = nil
  elseif kind == 'x' then
    local id, ns = arg(), arg()
    redis.call('DEL', prefix .. 'l:{' .. id .. '}')
    local seen = look(id, ns, false)
    if seen.status == 1 then
      count = 1
      local stale = struct.unpack('<d', seen.value, seen.frameAt + ${FRAME_STALE})
      local left = redis.call('PTTL', seen.key)
      if stale <= 0 then redis.call('DEL', seen.key)
      elseif left == -1 or left > stale then redis.call('PEXPIRE', seen.key, ms(stale)) end
    end
  elseif kind == 't' then
    local ns = arg()
    for _, name in ipairs(list()) do
      redis.call('DEL', prefix .. name)
      tokens[name] = nil
      note(ns, 'g', name)
    end
  elseif kind == 'b' then
    local ns, barrier = arg(), arg()
    note(ns, 'q', barrier)
  else
    local ns = arg()
    redis.call('DEL', prefix .. ns)
    tokens[ns], rings[ns] = nil, nil
  end
  reply[#reply + 1] = count
end
return reply
`;

/** Per touch: id, namespace, how long it is fresh (0: for ever). Answers the barriers of each, or 0 if nothing is there. */
const TOUCH = `
if isLate() then return { -1 } end
local reply = {}
for _ = 1, tonumber(arg()) do
  local id, ns, ttl = arg(), arg(), tonumber(arg())
  local seen = look(id, ns, false)
  if seen.status == 1 then
    local life = ttl == 0 and 0 or ttl + struct.unpack('<d', seen.value, seen.frameAt + ${FRAME_STALE})
    if life == 0 then redis.call('PERSIST', seen.key) else redis.call('PEXPIRE', seen.key, ms(life)) end
    for i = 1, #seen.scopes, 2 do
      if seen.scopes[i] ~= 'r' and seen.scopes[i] ~= 'q' then keep(seen.scopes[i], life) end
    end
  end
  reply[#reply + 1] = seen.status == 1 and seen.barriers or 0
end
return reply
`;

/** How long the last fencing token of a lock is remembered. From then on the clock alone sees to it that the next is larger. */
const FENCE_MS = 7 * 24 * 3_600_000;

/**
 * Id, owner, how long, and the largest token that the caller knows of. Answers a token, or the negative of how long another
 * holds it. The token is the time in microseconds, unless one as large was given already: so it grows though the server
 * forgets, as long as its clock is not set back by more than it was away.
 */
const LOCK = `
local id, owner, ttl, floor = arg(), arg(), arg(), tonumber(arg())
if isLate() then return redis.error_reply('LATE') end
local key, fence = prefix .. 'x:{' .. id .. '}', prefix .. 'f:{' .. id .. '}'
local holder = ask('GET', key)
if holder == nil then return redis.error_reply('LOCKTYPE the key of the lock has something else') end
if holder and holder ~= owner then return tostring(-math.max(1, redis.call('PTTL', key))) end
local t = redis.call('TIME')
local last = tonumber(ask('GET', fence) or 0) or 0
local token = math.max(last + 1, floor + 1, t[1] * 1000000 + t[2])
redis.call('SET', fence, ms(token), 'PX', ${FENCE_MS})
redis.call('SET', key, owner, 'PX', ttl)
return ms(token)
`;

/** Id, owner, how long: 0 to release. Answers 1 if it was the owner's. */
const EXTEND = `
local id, owner, ttl = arg(), arg(), tonumber(arg())
local key = prefix .. 'x:{' .. id .. '}'
if ask('GET', key) ~= owner then return 0 end
if ttl == 0 then redis.call('DEL', key) else redis.call('PEXPIRE', key, ms(ttl)) end
return 1
`;

/** Id. Answers how long the lock is held at most. */
const HELD = `return math.max(0, redis.call('PTTL', prefix .. 'x:{' .. arg() .. '}'))`;

export type ScriptName = 'data' | 'lock' | 'extend' | 'held';

const withPrelude = (body: string) => `${PRELUDE}${body}`.trim();

export const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  // One script, which a server has or has not: so that no call can overtake another when it loses some.
  data: withPrelude(`
local what = arg()
if what == 'read' then ${READ}
elseif what == 'write' then ${WRITE}
elseif what == 'change' then ${CHANGE}
else ${TOUCH}
end`),
  lock: withPrelude(LOCK),
  extend: withPrelude(EXTEND),
  held: withPrelude(HELD),
};

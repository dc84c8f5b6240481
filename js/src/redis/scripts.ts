import { FRAME_HEAD, FRAME_STALE } from '../generated/abi.js';
import { EXTEND, HELD, LOCK } from './lock-scripts.js';
import { BASE, CLOCK } from './script-base.js';

/*
 * What the server does in one step. Every script begins with the same four arguments: the prefix of all names; a text
 * that no other call has, for tokens to be made of; how far what was written before is trusted, see {@link Trust}; and
 * until when, in milliseconds of the server's clock, the call may take effect, or '0'.
 *
 * An entry is a string: 'TCE' and 1, the length of what follows as u32, a list of scopes with the tokens that they had
 * before the value was loaded (name, token, name, token, in MessagePack), and then the frame, of which the scripts know the place of one number. An entry is alive if each of its scopes has that
 * token still. Tokens are made where none is, and are never the same twice: so to remove one is to invalidate all that
 * was checked against it, and to lose one does the same. Two scopes are not names of keys: `r` is the reign of the server,
 * which ends when it restarts or another takes its place; `q` is how many barriers the namespace had. A third kind, `@` and
 * a number, is a list of scopes in another shard, packed in the same way, which is to be judged there.
 *
 * A namespace is a hash: `n` its token; `q` counts changes of prefixes and patterns, its barriers, and `g` those of tags;
 * `q<i>` and `g<i>` are the last RING of each. What is not among them any more is not known, and then nothing is served
 * or stored that would have to be compared with it.
 */

/**
 * Whether what was written under another reign counts: `all` of it, because nothing is ever lost; or nothing, where one
 * server has all the data, or where slots of them move from server to server.
 */
export type Trust = 'all' | 'server' | 'slot';

/** How long what a lease is checked against is kept at least: a load that takes longer is not stored. */
export const LEASE_MS = 600_000;
/** How many changes of prefixes and patterns, and of tags, a namespace remembers. */
export const RING = 128;

/** What reading takes. */
const LOOK = `
local tokens, spaces, reign, made = {}, {}, nil, 0

-- A client may send a call again that was not answered: with the time it makes other tokens then.
local function newToken()
  local time = call('TIME')
  made = made + 1
  return table.concat({ nonce, made, time[1], time[2] }, ':')
end

-- Which data this is: the server takes another id when it restarts, or comes to be the primary. Not so when a slot goes
-- to another server and comes back: so there the last one to serve it leaves its sign.
local function run()
  if reign then return reign end
  if trust == 'all' then reign = '-' return reign end
  local info = call('INFO', 'replication')
  reign = string.match(info, 'master_replid:(%w+)')
  if not reign or not string.find(info, 'role:master', 1, true) then error('the server is no primary, or does not tell its id') end
  if trust == 'slot' then
    local key = prefix .. 'w'
    local sign = ask('GET', key)
    if sign and sub(sign, 1, #reign) == reign then reign = sign
    else
      reign = reign .. ':' .. newToken()
      call('SET', key, reign)
    end
  end
  return reign
end

-- Where a call stands among all that change something: the count and its token are lost together.
local function point(isChange)
  local key = prefix .. 'o'
  local epoch = ask('HGET', key, 'e')
  if not epoch then
    epoch = newToken()
    call('DEL', key)
    call('HSET', key, 'e', epoch)
  end
  local count = isChange and call('HINCRBY', key, 'c', 1) or call('HGET', key, 'c')
  return { epoch .. ':' .. run(), tonumber(count) or 0 }
end

local function space(ns)
  local known = spaces[ns]
  if known then return known end
  local found = ask('HMGET', prefix .. ns, 'n', 'q', 'g')
  if found and found[1] then known = { n = found[1], q = tonumber(found[2] or 0) or 0, g = tonumber(found[3] or 0) or 0 }
  else known = { n = false, q = 0, g = 0 } end
  spaces[ns] = known
  return known
end

local function current(name)
  local token = tokens[name]
  if token == nil then
    if string.byte(name) == 110 then return space(name).n end
    token = ask('GET', prefix .. name) or false
    tokens[name] = token
  end
  return token
end

-- What happened in a namespace since then; nil if that is not known any more.
local function since(ns, kind, count)
  local last = space(ns)[kind]
  if count == last then return {} end
  if not count or count > last or last - count > ${RING} then return nil end
  local fields = {}
  for i = count + 1, last do fields[#fields + 1] = kind .. i end
  local found = call('HMGET', prefix .. ns, unpack(fields))
  for i = 1, #fields do if not found[i] then return nil end end
  return found
end

-- Of all that is in the list of scopes only the number of barriers could be damaged without becoming wrong: so it is there
-- twice.
local function countOf(text)
  local first, second = string.match(text, '^(%d+):(%d+)$')
  return first and first == second and tonumber(first) or nil
end

-- Where the frame begins, and the list of scopes.
local function split(value)
  if #value < ${8 + FRAME_HEAD} or sub(value, 1, 4) ~= 'TCE\\1' then return nil end
  local last = 8 + struct.unpack('<I4', value, 5)
  if #value < ${FRAME_HEAD} + last then return nil end
  return last + 1, sub(value, 9, last)
end

-- What to think of an entry with these scopes: 1 alive if the barriers and other shards let it, 2 dead, 3 not ours; the
-- scopes, the barriers, and names and lists of other shards.
local function judge(packed, ns)
  local isRead, scopes, more = pcall(cmsgpack.unpack, packed)
  if not isRead or more or type(scopes) ~= 'table' then return 3 end
  local count
  local elsewhere = {}
  for i = 1, #scopes, 2 do
    local name, token = scopes[i], scopes[i + 1]
    if type(name) ~= 'string' or type(token) ~= 'string' then return 3 end
    if name == 'q' then count = countOf(token)
    elseif string.byte(name) == 64 then
      elsewhere[#elsewhere + 1] = name
      elsewhere[#elsewhere + 1] = token
    elseif name == 'r' then if trust ~= 'all' and token ~= run() then return 2 end
    elseif current(name) ~= token then return 2 end
  end
  local barriers = since(ns, 'q', count)
  if not barriers then return 2 end
  return 1, scopes, barriers, elsewhere
end

-- The barriers, and the keys that they are to be compared with.
local function withKeys(barriers, scopes)
  for s = 1, #barriers > 0 and #scopes or 0, 2 do
    if sub(scopes[s], 1, 2) == 'k:' then barriers[#barriers + 1] = scopes[s] end
  end
  return barriers
end

local function staleOf(value, frameAt) return (struct.unpack('<d', value, frameAt + ${FRAME_STALE})) end
local function entryKey(id) return prefix .. 'e:{' .. id .. '}' end
`;

/**
 * Per read: id, namespace, '0', or for a lease '1' if nothing fresh is found and '2' in any case. Then for each that is
 * not '0' the scopes that the lease covers, and the ids of keys that the value is made from. Answers per read how long it is
 * kept, or -1, and the frame; a list of how long that is, the barriers to be compared with and the keys that it is made
 * from, and scopes in other shards with what is to be judged there, and the frame; or of what is not to be served -2 (nothing there), -3 (dead) or -4 (not ours). Then a list for
 * each lease: which read, reign, barriers now and for the entry, changes of tags, the tokens of all scopes, further ones by
 * name.
 */
const READ = `
local count = tonumber(arg())
local keys, judged = {}, {}
first, at = at, at + 3 * count
for i = 1, count do keys[i] = entryKey(ARGV[first + 3 * i - 2]) end
local values = redis.pcall('MGET', unpack(keys))
if values.err then
  -- While a slot moves to another server, several keys at once may be refused.
  for i = 1, count do values[i] = ask('GET', keys[i]) or false end
end
for i = 1, count do
  local value, ns, leased = values[i], ARGV[first + 3 * i - 1], ARGV[first + 3 * i]
  local left, isFresh = -2, false
  if value then
    local frameAt, packed = split(value)
    local found = packed and judged[packed]
    if packed and not found then
      found = { judge(packed, ns) }
      judged[packed] = found
    end
    local status, scopes, barriers, elsewhere = unpack(found or { 3 })
    if status == 1 then
      left = call('PTTL', keys[i])
      n = n + 2
      reply[n] = sub(value, frameAt)
      if #barriers == 0 and #elsewhere == 0 then isFresh = left == -1 or left > staleOf(value, frameAt)
      else left = { left, withKeys(barriers, scopes), elsewhere } end
      reply[n - 1] = left
    else left = -1 - status end
  elseif call('TYPE', keys[i]).ok ~= 'none' then left = -4 end
  if left == -2 or left == -3 or left == -4 then
    n = n + 1
    reply[n] = left
  end
  if leased == '2' or leased == '1' and not isFresh then
    wanted = wanted or {}
    wanted[i] = true
  end
end
if not wanted then
  if isOrdered then reply[n + 1] = point(false) end
  return reply
end
`;

/** What takes leases and writes. */
const TOKENS = `
local function del(...)
  if type(redis.pcall('DEL', ...)) == 'number' then return end
  for _, key in ipairs({ ... }) do call('DEL', key) end
end

local LEASE, RING = ${LEASE_MS}, ${RING}
local kept = {}
local function list() local l = {} for i = 1, tonumber(arg()) do l[i] = arg() end return l end
local function twice(count) return count .. ':' .. count end

-- Of an entry: what is thought of it, the beginning of its value, where the frame begins, scopes and barriers. 0: nothing.
local function look(key, ns)
  local value = ask('GETRANGE', key, 0, 511)
  if not value then return 3 end
  if value == '' then return 0 end
  if #value == 512 and struct.unpack('<I4', value, 5) > ${504 - FRAME_HEAD} then
    value = call('GETRANGE', key, 0, ${8 + FRAME_HEAD} + struct.unpack('<I4', value, 5))
  end
  local frameAt, packed = split(value)
  if not frameAt then return 3 end
  local status, scopes, barriers = judge(packed, ns)
  return status, value, frameAt, scopes, barriers
end

local function tokenOf(name)
  local token = current(name)
  if token then return token end
  token = newToken()
  local key = prefix .. name
  if string.byte(name) == 110 then
    call('DEL', key)
    call('HSET', key, 'n', token)
    call('PEXPIRE', key, LEASE)
    spaces[name] = { n = token, q = 0, g = 0 }
  else
    call('SET', key, token, 'PX', LEASE)
    tokens[name] = token
  end
  return token
end

-- Of a namespace that nobody has a token of nothing has to be remembered.
local function note(ns, kind, text)
  local known = space(ns)
  spaces[ns] = nil
  if not known.n then return end
  local key = prefix .. ns
  local i = redis.pcall('HINCRBY', key, kind, 1)
  if type(i) == 'number' then
    call('HSET', key, kind .. i, text)
    call('HDEL', key, kind .. (i - RING))
  else
    call('DEL', key)
  end
end

-- Adds the scopes of entries that another is made from, and their tokens. Returns the barriers it is to be compared with.
local function inherit(ids, ns, into)
  local count = space(ns).q
  for _, id in ipairs(ids) do
    local status, _, _, scopes = look(entryKey(id), ns)
    for i = 1, status == 1 and #scopes or 0, 2 do
      local name, token = scopes[i], scopes[i + 1]
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
  local left = call('PTTL', key)
  if left == -1 then return end
  if life == 0 then call('PERSIST', key)
  elseif left < life then call('PEXPIRE', key, ms(life + LEASE)) end
end

local function keepAll(scopes, life)
  for i = 1, #scopes, 2 do
    local name = scopes[i]
    if name ~= 'r' and name ~= 'q' and string.byte(name) ~= 64 then keep(name, life) end
  end
end
`;

const GRANT = `
for i = 1, (at - first) / 3 do
  local ns, leased = ARGV[first + 3 * i - 1], ARGV[first + 3 * i]
  if leased ~= '0' then
    local scopes, others = list(), list()
    if wanted[i] then
      local lease = { i, run(), 0, 0, 0 }
      for _, name in ipairs(scopes) do lease[#lease + 1] = tokenOf(name) end
      local count = inherit(others, ns, lease)
      local known = space(ns)
      lease[3], lease[4], lease[5] = known.q, count, known.g
      n = n + 1
      reply[n] = lease
    end
  end
end
if isOrdered then reply[#reply + 1] = point(false) end
return reply
`;

/**
 * For values whose entries are in other shards. Per value: namespace, scopes, and the ids of keys that it is made from.
 * Answers for each a list: what is to be judged here, and names and lists of further shards.
 */
const LEND = `
for i = 1, tonumber(arg()) do
  local ns, own, further = arg(), {}, {}
  local all = {}
  for _, name in ipairs(list()) do
    all[#all + 1] = name
    all[#all + 1] = tokenOf(name)
  end
  local count = inherit(list(), ns, all)
  for s = 1, #all, 2 do
    local into = string.byte(all[s]) == 64 and further or own
    into[#into + 1] = all[s]
    into[#into + 1] = all[s + 1]
  end
  for _, v in ipairs({ 'r', run(), 'q', twice(count) }) do own[#own + 1] = v end
  reply[i] = { cmsgpack.pack(own), unpack(further) }
end
return reply
`;

/** Per list of scopes: namespace and list. Answers the barriers and keys to be compared with, or 0 if it is dead. */
const JUDGE = `
for i = 1, tonumber(arg()) do
  local ns = arg()
  local status, scopes, barriers = judge(arg(), ns)
  reply[i] = status == 1 and withKeys(barriers, scopes) or 0
end
return reply
`;

/** Per list of scopes: list, and how long it is needed. */
const KEEP = `
for i = 1, tonumber(arg()) do
  local scopes, life = cmsgpack.unpack(arg()), tonumber(arg())
  keepAll(scopes, life)
end
return reply
`;

/**
 * Per write: id, namespace, how long it is kept (0: for ever, -1: not at all), the frame, the scopes of the entry, names and
 * lists of other shards, and '1' if there is a lease. With one: run, barriers at its read and for the entry, changes of tags; names and
 * tokens of all that it covers. Without: the ids of the keys that the value is made from. Answers the time, and whether each was stored.
 */
const WRITE = `
reply[1] = now()
if deadline > 0 and reply[1] > deadline then return { reply[1], -1 } end

local function leased(ns, names)
  local r, atRead, count, changes, covered = arg(), tonumber(arg()), arg(), tonumber(arg()), list()
  if r ~= run() then return nil end
  local known = {}
  for i = 1, #covered, 2 do
    if current(covered[i]) ~= covered[i + 1] then return nil end
    known[covered[i]] = covered[i + 1]
  end
  if space(ns).q ~= atRead then return nil end
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
  for _, v in ipairs({ 'r', run(), 'q', twice(count) }) do scopes[#scopes + 1] = v end
  return scopes
end

for _ = 1, tonumber(arg()) do
  local id, ns, life, frame, names, elsewhere = arg(), arg(), tonumber(arg()), arg(), list(), list()
  local scopes
  if arg() == '1' then scopes = leased(ns, names) else scopes = unleased(ns, names) end
  if scopes then
    local key, own, lease = entryKey(id), 'k:{' .. id .. '}', 'l:{' .. id .. '}'
    del(key, prefix .. own, prefix .. lease)
    tokens[own], tokens[lease] = false, false
    if life >= 0 then
      for _, v in ipairs(elsewhere) do scopes[#scopes + 1] = v end
      local packed = cmsgpack.pack(scopes)
      local value = 'TCE\\1' .. struct.pack('<I4', #packed) .. packed .. frame
      if life == 0 then call('SET', key, value) else call('SET', key, value, 'PX', ms(life)) end
      keepAll(scopes, life)
    end
  end
  reply[#reply + 1] = scopes and 1 or 0
end
if isOrdered then reply[#reply + 1] = point(true) end
return reply
`;

/**
 * Per change its kind: `d` (deleted, or set elsewhere) and `x` (expired) with id and namespace; `t` with namespace and
 * scopes of tags; `b` with namespace and barrier; `c` with namespace. Answers how many entries each is known to concern.
 */
const CHANGE = `
for _ = 1, tonumber(arg()) do
  local kind = arg()
  local count = 0
  if kind == 'd' then
    local id, ns = arg(), arg()
    local key = entryKey(id)
    count = look(key, ns) == 1 and 1 or 0
    del(key, prefix .. 'k:{' .. id .. '}', prefix .. 'l:{' .. id .. '}')
    tokens['k:{' .. id .. '}'] = nil
  elseif kind == 'x' then
    local id, ns = arg(), arg()
    local key = entryKey(id)
    call('DEL', prefix .. 'l:{' .. id .. '}')
    local status, value, frameAt = look(key, ns)
    if status == 1 then
      count = 1
      local stale, left = staleOf(value, frameAt), call('PTTL', key)
      if stale <= 0 then call('DEL', key)
      elseif left == -1 or left > stale then call('PEXPIRE', key, ms(stale)) end
    end
  elseif kind == 't' then
    local ns = arg()
    for _, name in ipairs(list()) do
      call('DEL', prefix .. name)
      tokens[name] = nil
      note(ns, 'g', name)
    end
  elseif kind == 'b' then
    local ns, barrier = arg(), arg()
    note(ns, 'q', barrier)
  else
    local ns = arg()
    call('DEL', prefix .. ns)
    spaces[ns] = nil
  end
  reply[#reply + 1] = count
end
if isOrdered then reply[#reply + 1] = point(true) end
return reply
`;

/** Per touch: id, namespace, how long it is fresh (0: for ever). Answers the barriers of each, or 0 if nothing is there. */
const TOUCH = `
if isLate() then return { -1 } end
for _ = 1, tonumber(arg()) do
  local id, ns, ttl = arg(), arg(), tonumber(arg())
  local key = entryKey(id)
  local status, value, frameAt, scopes, barriers = look(key, ns)
  if status == 1 then
    local life = ttl == 0 and 0 or ttl + staleOf(value, frameAt)
    if life == 0 then call('PERSIST', key) else call('PEXPIRE', key, ms(life)) end
    keepAll(scopes, life)
  end
  reply[#reply + 1] = status == 1 and barriers or 0
end
return reply
`;

export type ScriptName = 'data' | 'lock' | 'extend' | 'held';

export const SCRIPTS: Readonly<Record<ScriptName, string>> = {
  // One script, which a server has or has not: so that no call can overtake another when it loses some. Reads, which are
  // most of the calls, leave it before the rest is made.
  data: `${BASE}
local what = arg()
-- A mark before it asks for the point of the call, as the last of the answer.
local isOrdered = sub(what, 1, 1) == '+'
if isOrdered then what = sub(what, 2) end
${LOOK}
local reply, n, first, wanted = {}, 0, 0, nil
if what == 'read' then ${READ}end
${CLOCK}${TOKENS}
if what == 'read' then ${GRANT}
elseif what == 'write' then ${WRITE}
elseif what == 'change' then ${CHANGE}
elseif what == 'lend' then ${LEND}
elseif what == 'judge' then ${JUDGE}
elseif what == 'keep' then ${KEEP}
else ${TOUCH}
end`,
  lock: BASE + CLOCK + LOCK,
  extend: BASE + CLOCK + EXTEND,
  held: BASE + HELD,
};

/**
 * Per write: id, namespace, how long it is kept (0: for ever, -1: not at all), the frame, the scopes of the entry, names
 * and lists of other shards, and '1' if there is a lease. With one: run, barriers at its read and for the entry, changes of
 * tags; names and tokens of all that it covers. Without: the ids of the keys that the value is made from.
 *
 * Answers the time, and whether each was stored.
 */
export const WRITE = `
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
export const CHANGE = `
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
export const TOUCH = `
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

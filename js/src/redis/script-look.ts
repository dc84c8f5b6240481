/** How many changes of prefixes and patterns, and of tags, a namespace remembers. */
export const RING = 128;

/** What judging takes. */
export const LOOK = `
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
`;

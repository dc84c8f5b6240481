/**
 * For values whose entries are in other shards. Per value: namespace, scopes, and the ids of keys that it is made from.
 * Answers for each a list: what is to be judged here, and names and lists of further shards.
 */
export const LEND = `
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
export const JUDGE = `
for i = 1, tonumber(arg()) do
  local ns = arg()
  local status, scopes, barriers = judge(arg(), ns)
  reply[i] = status == 1 and withKeys(barriers, scopes) or 0
end
return reply
`;

/** Per list of scopes: list, and how long it is needed. */
export const KEEP = `
for i = 1, tonumber(arg()) do
  local scopes, life = cmsgpack.unpack(arg()), tonumber(arg())
  keepAll(scopes, life)
end
return reply
`;

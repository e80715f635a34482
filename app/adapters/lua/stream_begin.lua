-- Makes a group that reads a stream, where there is none. KEYS: stream, where the group began. ARGV: group, 'start' | 'end'.
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '$', 'MKSTREAM')
if made.err then
  if string.find(made.err, 'BUSYGROUP', 1, true) then return 0 end
  return made
end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if ARGV[2] == 'start' and first then
  local ms, seq = string.match(first[1], '^(%d+)-(%d+)$')
  local before = seq == '0' and string.format('%.0f-18446744073709551615', ms - 1) or string.format('%s-%.0f', ms, seq - 1)
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], before)
end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local of = {}
  for i = 1, #group, 2 do of[group[i]] = group[i + 1] end
  if of['name'] == ARGV[1] then redis.call('SET', KEYS[2], of['last-delivered-id']) end
end
return 1

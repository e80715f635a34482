-- Replaces everything under one key, if it still is what the caller read. KEYS: h t m o d. ARGV: digest as read, seconds
-- that decisions are kept, history, then of each of m o d: how many arguments follow, fields and values. Returns 1 where done.
local function all(key) return redis.call('HGETALL', key) end
if redis.call('HEXISTS', KEYS[3], '!') == 1 then return 0 end
local parts = {redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or ''}
for k = 3, 5 do parts[k] = table.concat(all(KEYS[k]), '\0') end
if redis.sha1hex(table.concat(parts, '\1')) ~= ARGV[1] then return 0 end
redis.call('DEL', unpack(KEYS))
if ARGV[3] ~= '' then redis.call('SET', KEYS[1], ARGV[3]) end
local at = 4
for k = 3, 5 do
  local upto = at + tonumber(ARGV[at])
  for a = at + 1, upto, 2 do redis.call('HSET', KEYS[k], ARGV[a], ARGV[a + 1]) end
  if k == 5 and upto > at then redis.call('EXPIRE', KEYS[k], ARGV[2]) end
  at = upto + 1
end
return 1

-- Replaces, adds or (empty value) deletes items. KEYS: items, changed, version. ARGV: id, value, ... Returns how many changed.
local done = 0
for a = 1, #ARGV, 2 do
  local n = redis.call('INCR', KEYS[3])
  local was
  if ARGV[a + 1] == '' then was = redis.call('HDEL', KEYS[1], ARGV[a]) else redis.call('HSET', KEYS[1], ARGV[a], ARGV[a + 1]); was = 1 end
  if was == 1 then redis.call('ZADD', KEYS[2], n, ARGV[a]); done = done + 1 end
end
return done

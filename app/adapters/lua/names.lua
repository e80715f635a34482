-- Reads the dictionary of names, giving birth to it where there is none. KEYS: names, order. ARGV: the epoch and size
-- known to the caller, an epoch for a birth. Returns {epoch, 1 where the names continue the caller's, the names}.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[3]
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
if epoch ~= ARGV[1] or redis.call('LLEN', KEYS[2]) < tonumber(ARGV[2]) then
  return {epoch, 0, redis.call('LRANGE', KEYS[2], 0, -1)}
end
return {epoch, 1, redis.call('LRANGE', KEYS[2], ARGV[2], -1)}

-- Adds names that are not there yet, in order. KEYS: names, order. ARGV: epoch, most names of a kind, names with their
-- prefix (e: or s:)... Does nothing where the epoch is another; leaves out what is beyond the bound.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
for a = 3, #ARGV do
  local count = '#' .. string.sub(ARGV[a], 1, 1)
  if redis.call('HEXISTS', KEYS[1], ARGV[a]) == 0 and tonumber(redis.call('HGET', KEYS[1], count) or '0') < tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[1], ARGV[a], redis.call('HINCRBY', KEYS[1], count, 1))
    redis.call('RPUSH', KEYS[2], ARGV[a])
  end
end
return 1

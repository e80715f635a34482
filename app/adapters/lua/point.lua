-- Turns a profile into an alias, if it still is what the caller copied. KEYS: h t m. ARGV: target, base as read ('' none),
-- tail as read, ms by this server's clock from which it is too late (0 never). Returns 1 where done, 0 where it changed
-- meanwhile, -1 where it is too late.
if redis.call('HEXISTS', KEYS[3], '!') == 1 then return 1 end
if tonumber(ARGV[4]) > 0 then
  local now = redis.call('TIME')
  if now[1] * 1000 + now[2] / 1000 >= tonumber(ARGV[4]) then return -1 end
end
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[3] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[3], '>', ARGV[1])
return 1

-- Turns a profile into an alias, if it still is what the caller copied. KEYS: h t m. ARGV: target, base as read ('' none),
-- tail as read. Returns 1 where done, 0 where it changed meanwhile.
if redis.call('HEXISTS', KEYS[3], '!') == 1 then return 1 end
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] or (redis.call('GET', KEYS[2]) or '') ~= ARGV[3] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[3], '>', ARGV[1])
return 1

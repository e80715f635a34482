-- Leaves nothing of a profile but a mark that stops the writes which are under way, for 10 s. KEYS: h t m o d l. ARGV: 8 B instant.
redis.call('DEL', unpack(KEYS))
redis.call('HSET', KEYS[3], '!', ARGV[1])
redis.call('EXPIRE', KEYS[3], 10)
return 1

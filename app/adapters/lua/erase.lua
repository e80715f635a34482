-- Leaves nothing of a profile but its tombstone. KEYS: h t m o d x. ARGV: 8 B instant.
redis.call('DEL', unpack(KEYS))
redis.call('HSET', KEYS[3], '!', ARGV[1])
return 1

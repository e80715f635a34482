-- Leaves nothing of a profile but its tombstone. KEYS: h t m d x. ARGV: 8 B instant.
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('HSET', KEYS[3], '!', ARGV[1])
return 1

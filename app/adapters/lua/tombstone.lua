-- Sets up tombstones, numbered in their order, each once. KEYS: the set of hashes. ARGV: hashes.
for i = 1, #ARGV do redis.call('ZADD', KEYS[1], 'NX', redis.call('ZCARD', KEYS[1]) + 1, ARGV[i]) end
return redis.call('ZCARD', KEYS[1])

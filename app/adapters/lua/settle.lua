-- Closes what was asked for, where nothing was asked since. KEYS: the request. ARGV: its latest instant as it was seen, empty
-- where that is too young to be done with; now.
if redis.call('HGET', KEYS[1], 'latest') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return redis.call('HSET', KEYS[1], 'first', ARGV[2])

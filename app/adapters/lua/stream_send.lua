-- Adds a message to a stream unless it was added before. KEYS: stream, the mark of the message. ARGV: seconds that the mark
-- stays, then fields and values. Returns 1 where it was added.
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('SET', KEYS[2], '', 'EX', ARGV[1])
return 1

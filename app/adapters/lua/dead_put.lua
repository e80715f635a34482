-- Files dead letters, and makes room. KEYS: stream, state. ARGV: now ms, most bytes, then for each letter:
-- reason, bytes that it counts for, id, source, at, detail, body, size. The ids that they are filed under are made
-- here and grow whatever clocks say. What goes to make room is counted by reason.
local stream, state, now, most = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local last = tonumber(redis.call('HGET', state, 'last') or '0')
if now < last then now = last end
for a = 3, #ARGV, 8 do
  local n = redis.call('HINCRBY', state, 'number', 1)
  redis.call('XADD', stream, string.format('%.0f-%.0f', now, n), 'reason', ARGV[a], 'bytes', ARGV[a + 1], 'id', ARGV[a + 2], 'source', ARGV[a + 3],
    'at', ARGV[a + 4], 'detail', ARGV[a + 5], 'body', ARGV[a + 6], 'size', ARGV[a + 7])
  redis.call('HINCRBY', state, 'held', 1)
  redis.call('HINCRBY', state, 'bytes', ARGV[a + 1])
end
redis.call('HSET', state, 'last', string.format('%.0f', now))
local bytes = tonumber(redis.call('HGET', state, 'bytes') or '0')
while true do
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if not first or bytes <= most then break end
  redis.call('XDEL', stream, first[1])
  redis.call('HINCRBY', state, 'held', -1)
  bytes = redis.call('HINCRBY', state, 'bytes', 0 - (tonumber(first[2][4]) or 0))
  redis.call('HINCRBY', state, 'trimmed:' .. first[2][2], 1)
end
return redis.call('HGETALL', state)

-- Drops dead letters. KEYS: stream, state. ARGV: ids. Returns how many there were.
local done = 0
for _, id in ipairs(ARGV) do
  local found = redis.call('XRANGE', KEYS[1], id, id)[1]
  if found then
    redis.call('XDEL', KEYS[1], id)
    redis.call('HINCRBY', KEYS[2], 'held', -1)
    redis.call('HINCRBY', KEYS[2], 'bytes', 0 - (tonumber(found[2][4]) or 0))
    done = done + 1
  end
end
return done

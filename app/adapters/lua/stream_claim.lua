-- What other members of the group were given and did not acknowledge becomes this one's; they go. KEYS: stream. ARGV: group,
-- member, ms by this server's clock from which it is too late. Returns how many of these messages the stream no longer has,
-- as far as Redis tells it here (7 and later; before, they turn up without content), -1 where it is too late.
local now = redis.call('TIME')
if now[1] * 1000 + now[2] / 1000 >= tonumber(ARGV[3]) then return -1 end
local cursor, lost = '0-0', 0
repeat
  local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, cursor, 'COUNT', 1000, 'JUSTID')
  cursor = claimed[1]
  lost = lost + #(claimed[3] or {})
until cursor == '0-0'
for _, member in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  if member[2] ~= ARGV[2] and member[4] == 0 then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], member[2]) end
end
return lost

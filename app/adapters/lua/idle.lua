-- Takes a person away of whom there was no sign since an instant. KEYS: h t m, then whatever else is theirs. ARGV: the instant
-- (u64). Returns the keys of their identifiers where they went, else nil. A pointer to somebody, and the mark of an erased person, are left alone.
-- Instants compare as numbers, never as strings: `<` of strings depends on the server's locale.
local call, up = redis.call, struct.unpack
local cut, last = up('>I8', ARGV[1]), 0
local function sign(stamp)
  local at = up('>I8', stamp)
  if at > last then last = at end
end
local base = call('GETRANGE', KEYS[1], 0, 13)
if #base == 14 then
  local _, _, n = up('>I4I4I4', base)
  if n > 0 then sign(call('GETRANGE', KEYS[1], 14 + 8 * (n - 1), 21 + 8 * (n - 1))) end
end
local tail, at = call('GET', KEYS[2]) or '', 1
while at < #tail do
  sign(tail:sub(at + 2, at + 9))
  at = at + 2 + up('>I2', tail, at)
end
local meta, known = call('HGETALL', KEYS[3]), {}
for i = 1, #meta, 2 do
  if meta[i] == '!' or meta[i] == '>' then return false end
  if meta[i]:sub(1, 2) == 'i:' then known[#known + 1] = meta[i]:sub(3) end
  if meta[i]:sub(2, 2) == ':' and #meta[i + 1] >= 8 then sign(meta[i + 1]) end
end
if last == 0 or last > cut then return false end
call('DEL', unpack(KEYS))
return known

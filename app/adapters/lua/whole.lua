-- Everything under one key as of one instant. KEYS: h t m o d. Returns a digest of it all, then each.
local function all(key) return redis.call('HGETALL', key) end
local h, t = redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or ''
local m, o, d = all(KEYS[3]), all(KEYS[4]), all(KEYS[5])
local parts = {h, t}
for _, flat in ipairs({m, o, d}) do parts[#parts + 1] = table.concat(flat, '\0') end
return {redis.sha1hex(table.concat(parts, '\1')), h, t, m, o, d}

-- Applies one profile's changes, once. KEYS: h t m. ARGV: epoch, bound, age cut (ms, 0 none), events..., '', fields...
-- An event: u64 ts | 8 B id | u8 type | payload. A field: name, value (traits: 8 B ts + 8 B id + msgpack).
-- Returns {state, results}: state 'ok', 'erased', 'moved:<key>'; results one char an event: a applied, d duplicate, o too old.
local FOLD, SMALL = 16, 2048
local k, tk, mk = KEYS[1], KEYS[2], KEYS[3]
local find, sub, up, pk, byte = string.find, string.sub, struct.unpack, struct.pack, string.byte
local gone = redis.call('HMGET', mk, '!', '>')
if gone[1] then return {'erased', ''} end
if gone[2] then return {'moved:' .. gone[2], ''} end
local epoch, bound, cut = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local a, events = 4, {}
while ARGV[a] ~= '' do events[#events + 1] = ARGV[a]; a = a + 1 end
for f = a + 1, #ARGV, 2 do
  local name, value = ARGV[f], ARGV[f + 1]
  local old = redis.call('HGET', mk, name)
  if not old or sub(old, 1, 16) < sub(value, 1, 16) then redis.call('HSET', mk, name, value) end
end
if #events == 0 then return {'ok', ''} end

local b = redis.call('GET', k)
local version, nc, nt, nx, pl = 0, 0, 0, 0, 0
local T, I, S, O, P, X, tail = '', '', '', '', '', '', ''
if b then
  version, nc, nt, nx, pl = up('>I4I2BBI4', b)
  local p = 17
  T = sub(b, p, p + 8 * nc - 1); p = p + 8 * nc
  I = sub(b, p, p + 8 * nc - 1); p = p + 8 * nc
  S = sub(b, p, p + nc - 1); p = p + nc
  O = sub(b, p, p + 2 * nc - 1); p = p + 2 * nc
  P = sub(b, p, p + pl - 1); p = p + pl
  X = sub(b, p)
  if nt > 0 then tail = redis.call('GET', tk) or '' end
end
local marks = {}
for x = 0, nx - 1 do
  local row = sub(X, 29 * x + 1, 29 * x + 29)
  marks[byte(row)] = {mark = sub(row, 2, 17), first = sub(row, 18, 25), count = up('>I4', row, 26)}
end
local results, add, fresh = {}, {}, {}
for e = 1, #events do
  local row = events[e]
  local id, mark = sub(row, 9, 16), marks[byte(row, 17)]
  if fresh[id] or (nc > 0 and find(I, id, 1, true) and (function()
      local at = find(I, id, 1, true)
      while at do if at % 8 == 1 then return true end; at = find(I, id, at + 1, true) end
      return false
    end)()) or (nt > 0 and find(tail, id, 1, true)) then
    results[e] = 'd'
  elseif mark and sub(row, 1, 16) <= mark.mark then
    results[e] = 'o'
  else
    results[e] = 'a'; fresh[id] = true; add[#add + 1] = row
  end
end
local report = table.concat(results)
if #add == 0 then return {'ok', report} end

local total = nc + nt + #add
if b and #b > SMALL and nt + #add <= FOLD and total <= bound and cut == 0 then
  local parts = {}
  for i = 1, #add do parts[i] = pk('>I2', #add[i]) .. add[i] end
  redis.call('SETRANGE', k, 0, pk('>I4I2BBI4', (version + 1) % 4294967296, nc, nt + #add, nx, pl))
  redis.call('APPEND', tk, table.concat(parts))
  return {'ok', report}
end

local p = 1
while p <= #tail do
  local l = up('>I2', tail, p)
  add[#add + 1] = sub(tail, p + 2, p + 1 + l); p = p + 2 + l
end
table.sort(add)
local i, m = 1, #add
while i <= m do
  local e = add[i]; local key = sub(e, 1, 16)
  if nc == 0 or sub(T, -8) .. sub(I, -8) < key then
    local t, d, s, o, q = {}, {}, {}, {}, {}
    for j = i, m do
      local x = add[j]; local c = #t + 1
      t[c] = sub(x, 1, 8); d[c] = sub(x, 9, 16); s[c] = sub(x, 17, 17); o[c] = pk('>I2', #x - 17); q[c] = sub(x, 18)
    end
    T = T .. table.concat(t); I = I .. table.concat(d); S = S .. table.concat(s); O = O .. table.concat(o)
    P = P .. table.concat(q); nc = nc + m - i + 1
    break
  end
  local at = nc - 1
  while at > 0 and sub(T, 8 * at - 7, 8 * at) .. sub(I, 8 * at - 7, 8 * at) > key do at = at - 1 end
  local off = 0
  for j = 1, at do off = off + up('>I2', O, 2 * j - 1) end
  T = sub(T, 1, 8 * at) .. sub(e, 1, 8) .. sub(T, 8 * at + 1); I = sub(I, 1, 8 * at) .. sub(e, 9, 16) .. sub(I, 8 * at + 1)
  S = sub(S, 1, at) .. sub(e, 17, 17) .. sub(S, at + 1); O = sub(O, 1, 2 * at) .. pk('>I2', #e - 17) .. sub(O, 2 * at + 1)
  P = sub(P, 1, off) .. sub(e, 18) .. sub(P, off + 1); nc = nc + 1; i = i + 1
end

local count, over, trim = {}, {}, false
if nc > bound or cut > 0 then
  for j = 1, nc do local c = byte(S, j); count[c] = (count[c] or 0) + 1 end
  for c, n in pairs(count) do if n > bound then over[c] = n - bound; trim = true end end
  if cut > 0 and up('>I4', T) * 4294967296 + up('>I4', T, 5) <= cut then trim = true end
end
if trim then
  local t, d, s, o, q, off = {}, {}, {}, {}, {}, 1
  for j = 1, nc do
    local ts, c, l = sub(T, 8 * j - 7, 8 * j), byte(S, j), up('>I2', O, 2 * j - 1)
    local at = up('>I4', ts) * 4294967296 + up('>I4', ts, 5)
    if (over[c] or 0) > 0 or (cut > 0 and at <= cut) then
      if over[c] then over[c] = over[c] - 1 end
      local mark = marks[c] or {first = ts, count = 0}
      if ts < mark.first then mark.first = ts end
      mark.mark = ts .. sub(I, 8 * j - 7, 8 * j); mark.count = mark.count + 1; marks[c] = mark
    else
      local n = #t + 1
      t[n] = ts; d[n] = sub(I, 8 * j - 7, 8 * j); s[n] = sub(S, j, j); o[n] = sub(O, 2 * j - 1, 2 * j); q[n] = sub(P, off, off + l - 1)
    end
    off = off + l
  end
  T, I, S, O, P, nc = table.concat(t), table.concat(d), table.concat(s), table.concat(o), table.concat(q), #t
  local rows, codes = {}, {}
  for c in pairs(marks) do codes[#codes + 1] = c end
  table.sort(codes)
  for _, c in ipairs(codes) do
    local mark = marks[c]
    rows[#rows + 1] = string.char(c) .. mark.mark .. mark.first .. pk('>I4', mark.count)
  end
  X, nx = table.concat(rows), #rows
end
if nt > 0 then redis.call('DEL', tk) end
redis.call('SET', k, pk('>I4I2BBI4I4', (version + 1) % 4294967296, nc, 0, nx, #P, epoch) .. T .. I .. S .. O .. P .. X)
return {'ok', report}

#!lua flags=no-writes
-- Says of which streams retention lets something go, so that the others need not be trimmed one by one. Reads only.
--
-- KEYS     streams of channels
-- ARGV     for each: greatest age in ms or "", most entries or ""
-- Reply    for each: the id of its oldest entry, "" where it has none, with a "!" before it where something is too old or too much
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {}
for k = 1, #KEYS do
  local maxAgeMs, maxEntries = ARGV[2 * k - 1], ARGV[2 * k]
  reply[k] = ''
  if redis.call('TYPE', KEYS[k]).ok == 'stream' then
    local first = redis.call('XRANGE', KEYS[k], '-', '+', 'COUNT', 1)[1]
    if first then
      local isOld = maxAgeMs ~= '' and tonumber(string.match(first[1], '^%d+')) < now - tonumber(maxAgeMs)
      local isMuch = maxEntries ~= '' and redis.call('XLEN', KEYS[k]) > tonumber(maxEntries)
      reply[k] = ((isOld or isMuch) and '!' or '') .. first[1]
    end
  end
end
return reply

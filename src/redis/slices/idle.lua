#!lua flags=no-writes
-- Tells whether a component has nothing unread, open or parked in a partition, and nothing there that is for another one.
--
-- KEYS[1]  row; then for each channel: its stream, its parked set; then the relays
-- ARGV     how many channels, channels, and the partition that each relay is for
-- Reply    1 or 0
local channels = math.min(tonumber(ARGV[1]), #KEYS)
for c = 1, channels do
  local channel, stream = ARGV[c + 1], KEYS[2 * c]
  local saved = redis.call('HMGET', KEYS[1], 'at:' .. channel, 'open:' .. channel)
  if (saved[2] or '') ~= '' or redis.call('ZCARD', KEYS[2 * c + 1]) > 0 then return 0 end
  if #redis.call('XRANGE', stream, '(' .. (saved[1] or '0-0'), '+', 'COUNT', 1) > 0 then return 0 end
end
for r = 2 * channels + 2, #KEYS do
  local moved = redis.call('HGET', KEYS[1], 'moved:' .. ARGV[r - channels])
  if #redis.call('XRANGE', KEYS[r], '(' .. (moved or '0-0'), '+', 'COUNT', 1) > 0 then return 0 end
end
return 1

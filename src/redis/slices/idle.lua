#!lua flags=no-writes
-- Tells whether a component has nothing unread, open or parked in a partition.
--
-- KEYS[1]  row; then for each channel: its stream, its parked set
-- ARGV     channels
-- Reply    1 or 0
for k = 2, #KEYS, 2 do
  local channel = ARGV[k / 2]
  local saved = redis.call('HMGET', KEYS[1], 'at:' .. channel, 'open:' .. channel)
  if (saved[2] or '') ~= '' or redis.call('ZCARD', KEYS[k + 1]) > 0 then return 0 end
  if #redis.call('XRANGE', KEYS[k], '(' .. (saved[1] or '0-0'), '+', 'COUNT', 1) > 0 then return 0 end
end
return 1

#!lua
-- Parks a delivery until it is due again: it moves to the group's parked consumer, which nobody claims from.
--
-- KEYS[1]  stream     KEYS[2]  attempts: hash, entry id -> "attempt:crashes:firstAt"     KEYS[3]  parked: entry id -> due time
-- ARGV     group, member, entry id, attempt, delay in ms
-- Reply    1, or 0 when the delivery is not this member's. Sent twice, it parks once.
local group, member, id, attempt, delayMs = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local owner = redis.call('XPENDING', KEYS[1], group, id, id, 1)
if #owner == 0 then return 0 end
if owner[1][2] == 'parked' then
  local record = redis.call('HGET', KEYS[2], id) or ''
  return string.match(record, '^(%d+):') == attempt and 1 or 0
end
if owner[1][2] ~= member then return 0 end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local crashes, firstAt = string.match(redis.call('HGET', KEYS[2], id) or '', '^%d+:(%d+):(%d+)$')
redis.call('HSET', KEYS[2], id, string.format('%s:%d:%s', attempt, math.max((crashes or 0) - 1, 0), firstAt or string.format('%.0f', now)))
redis.call('ZADD', KEYS[3], now + delayMs, id)
redis.call('XCLAIM', KEYS[1], group, 'parked', 0, id, 'JUSTID')
return 1

#!lua flags=no-writes
-- Says on which channels a component has something to do that no read brings: deliveries that somebody holds, retries that are overdue.
-- Reads only.
--
-- KEYS     for each channel: its stream, its parked set
-- ARGV     group, how long a parked delivery is due before it is overdue in ms, the longest time that one is parked for in ms
-- Reply    for each channel that has something, others left out: {its place from 1, "1" when its group is gone, "1" when a parked delivery is
--          overdue, the consumers that hold deliveries …}
--
-- What is due later than anything is ever parked for was parked before this server's clock was set back.
local group, overdueMs, longestMs = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function has(parked, from, to)
  return #redis.call('ZRANGEBYSCORE', parked, from, to, 'LIMIT', 0, 1) > 0
end

local reply = {}
for k = 1, #KEYS, 2 do
  local pending = redis.pcall('XPENDING', KEYS[k], group)
  if pending.err then
    -- A stream that is gone has taken its group with it.
    if not string.find(pending.err, 'NOGROUP', 1, true) then return pending end
    reply[#reply + 1] = { (k + 1) / 2, '1', '' }
  elseif pending[1] > 0 then
    local parked = KEYS[k + 1]
    local isOverdue = has(parked, '-inf', now - overdueMs) or has(parked, now + longestMs + overdueMs, '+inf')
    local found = { (k + 1) / 2, '', isOverdue and '1' or '' }
    for _, consumer in ipairs(pending[4]) do found[#found + 1] = consumer[1] end
    reply[#reply + 1] = found
  end
end
return reply

#!lua flags=allow-oom
-- Removes a component's groups on channels of one partition, with all that is there to make them again: retention then holds nothing for it.
-- May be sent twice. The header lets it run when memory is full, as what it frees may be wanted then.
--
-- KEYS[1]  members: sorted set, member -> time of its last heartbeat, ms on this server's clock     KEYS[2]  positions
-- then for each channel: its stream, its attempts hash, its parked set
-- ARGV     group, how long a member may be silent and still lives in ms, "1" when the whole component is retired, the channels
-- Reply    "" when it is done; else a member that lives and would make a group again: any where the whole component is retired, else one that
--          has read in a group. Nothing was removed then
local group, liveMs, isWhole = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local live = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now - liveMs, now + liveMs)) do
  if isWhole then return member end
  live[member] = true
end

local groups = {}
for k = 3, #KEYS, 3 do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[k], group)
  local isMissing = consumers.err and (string.find(consumers.err, 'NOGROUP', 1, true) or string.find(consumers.err, 'no such key', 1, true))
  if consumers.err and not isMissing then return consumers end
  groups[k] = not isMissing
  for _, row in ipairs(groups[k] and consumers or {}) do
    if live[row[2]] then return row[2] end
  end
end

for k = 3, #KEYS, 3 do
  -- The group first: were the rest refused, it would be tried again, and what is pending would not be without its records.
  if groups[k] then redis.call('XGROUP', 'DESTROY', KEYS[k], group) end
  redis.call('DEL', KEYS[k + 1], KEYS[k + 2])
  local channel = ARGV[3 + k / 3]
  redis.call('HDEL', KEYS[2], channel, 'lost:' .. channel)
end
if isWhole then
  for k = 1, 2 do redis.call('DEL', KEYS[k]) end -- one by one: the user's rules are for each by itself
end
return ''

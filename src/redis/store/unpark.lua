#!lua flags=allow-oom
-- Takes a parked delivery that is due. Runs while memory is full, for the same reason as claim.lua.
--
-- KEYS[1]  stream     KEYS[2]  attempts     KEYS[3]  parked: entry id -> due time     KEYS[4]  robbed set of the one who takes
-- KEYS[5]  members
-- ARGV     group, member, entry id, tolerance in ms (a timer may fire a little before this server's clock says so), longest delay in ms
--          that anything is parked for: what is due later than that was parked before this server's clock was set back, and is due
-- Reply    {entry id, {field, value, …}, attempt record}; {} when it is not parked or not due; {entry id} when it is no longer in the
--          stream: then it is acknowledged, and whoever gets this reply tells the loss
local group, member, id = ARGV[1], ARGV[2], ARGV[3]
if not redis.call('ZSCORE', KEYS[5], member) then return {} end
local due = redis.call('ZSCORE', KEYS[3], id)
if not due then return {} end
local time = redis.call('TIME')
local aheadMs = tonumber(due) - (time[1] * 1000 + math.floor(time[2] / 1000))
if aheadMs > tonumber(ARGV[4]) and aheadMs <= tonumber(ARGV[5]) then return {} end

redis.call('ZREM', KEYS[3], id)
local claimed = redis.call('XCLAIM', KEYS[1], group, member, 0, id)
if #claimed == 0 or not claimed[1] then
  redis.call('XACK', KEYS[1], group, id)
  redis.call('HDEL', KEYS[2], id)
  return { id }
end
redis.call('SREM', KEYS[4], KEYS[1] .. '/' .. id)
return { id, claimed[1][2], redis.call('HGET', KEYS[2], id) or '1:0:0' }

#!lua flags=allow-oom
-- Removes a member that holds nothing any more. Deleting a consumer that still held deliveries would lose them for good.
--
-- KEYS[1]  members     KEYS[2]  robbed set of the member     KEYS[3..] the streams
-- ARGV     group, member, the heartbeat at which it was last seen
-- Reply    1 when it was removed, 0 when it spoke meanwhile or still holds deliveries
local group, member = ARGV[1], ARGV[2]
if (redis.call('ZSCORE', KEYS[1], member) or '') ~= ARGV[3] then return 0 end
for k = 3, #KEYS do
  local pending = redis.pcall('XPENDING', KEYS[k], group, '-', '+', 1, member)
  if not pending.err and #pending > 0 then return 0 end
end
for k = 3, #KEYS do redis.pcall('XGROUP', 'DELCONSUMER', KEYS[k], group, member) end
redis.call('ZREM', KEYS[1], member)
redis.call('DEL', KEYS[2])
return 1

#!lua flags=allow-oom
-- Says that a member lives, and tells it which others have been silent.
--
-- KEYS[1]  members: sorted set, member -> time of its last heartbeat, ms on this server's clock
-- ARGV     member, claimAfterMs
-- Reply    {0} when the member is not registered (it was taken for dead and removed); else {1, this server's time in ms, how many members are
--          registered, silent member, its score, …}
--
-- A score in the future by more than the limit is a member that has not spoken since the clock was set back: those who
-- live correct theirs within one interval, for which whoever sees by the time that the clock was set lets them be.
local me, claimAfterMs = ARGV[1], tonumber(ARGV[2])
if not redis.call('ZSCORE', KEYS[1], me) then return { 0 } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, me)
local reply = { 1, now, redis.call('ZCARD', KEYS[1]) }
for _, range in ipairs({ { '-inf', now - claimAfterMs }, { now + claimAfterMs, '+inf' } }) do
  local silent = redis.call('ZRANGEBYSCORE', KEYS[1], range[1], range[2], 'WITHSCORES')
  for s = 1, #silent do reply[#reply + 1] = silent[s] end
end
return reply

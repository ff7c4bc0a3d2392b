#!lua flags=allow-oom
-- Takes over deliveries of one channel from a member that is silent, or ones that were handed back.
--
-- KEYS[1]  stream     KEYS[2]  attempts: hash, entry id -> "attempt:crashes:firstAt"     KEYS[3]  members
-- KEYS[4]  robbed set of the one they are taken from     KEYS[5]  robbed set of the one who takes
-- ARGV     group, who takes, from whom, the heartbeat at which that one was last seen ("" when it is not registered), max,
--          least idle time in ms, "1" when the deliveries were handed back, so that no attempt of theirs has ended in silence
-- Reply    {how many were no longer in the stream, {entry id, {field, value, …}, attempt record}, …}
--
-- The heartbeat is compared again here: between the look and the claim the silent one may have spoken. The note in its robbed set
-- is written in the same step as the claim, so there is no moment at which it could still settle what it lost. Runs while memory is
-- full: what a dead member had in hand keeps all that is after it from being trimmed.
local group, me, victim, seenAt, max, idleMs, released = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7] == '1'
if not redis.call('ZSCORE', KEYS[3], me) then return { 0 } end
if not released and (redis.call('ZSCORE', KEYS[3], victim) or '') ~= seenAt then return { 0 } end

local pending = redis.call('XPENDING', KEYS[1], group, 'IDLE', idleMs, '-', '+', max, victim)
if #pending == 0 then return { 0 } end

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local lost = 0
local reply = { 0 }
for p = 1, #pending do
  local id = pending[p][1]
  local note = KEYS[1] .. '/' .. id
  if not released then redis.call('SADD', KEYS[4], note) end -- before the claim: were this refused, there would be no fence
  local claimed = redis.pcall('XCLAIM', KEYS[1], group, me, 0, id)
  if not released and (claimed.err or #claimed == 0 or not claimed[1]) then redis.call('SREM', KEYS[4], note) end
  if claimed.err then return claimed end
  if #claimed == 0 or not claimed[1] then
    lost = lost + 1
    redis.call('XACK', KEYS[1], group, id)
    redis.call('HDEL', KEYS[2], id)
  else
    redis.call('HSETNX', KEYS[2], id, (released and '0:0:' or '1:1:') .. now)
    redis.call('SREM', KEYS[5], note)
    reply[#reply + 1] = { id, claimed[1][2], redis.call('HGET', KEYS[2], id) }
  end
end
reply[1] = lost
return reply

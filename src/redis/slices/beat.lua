#!lua flags=allow-oom
-- Writes a member's heartbeat, and removes those of members that are gone for long.
--
-- KEYS[1]  members: hash, member -> "<beat> <1 when it has left, else 0> <this server's time in ms> <about it, for people>"
-- ARGV     member, "1" when it leaves, about it, members to forget
-- Reply    members and what is written of them, in turn
--
-- The time is for people, who look once; members watch the beat.
local wrong = wrongType(KEYS[1], 'hash')
if wrong then return wrong end
for a = 4, #ARGV do redis.call('HDEL', KEYS[1], ARGV[a]) end
local beat = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+)') or 0
redis.call('HSET', KEYS[1], ARGV[1], table.concat({ digits(beat + 1), ARGV[2], digits(nowMs()), ARGV[3] }, ' '))
return redis.call('HGETALL', KEYS[1])

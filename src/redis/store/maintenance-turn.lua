#!lua flags=allow-oom
-- Gives a round of maintenance to one of the processes that ask: to the first that comes a period after the last round began, by this
-- server's clock alone. Sent twice, it answers the same.
--
-- KEYS[1]  turn: string, "<when the last round began, ms on this server's clock> <who began it>"
-- ARGV     period in ms, the name of this question, not used before
-- Reply    0: the round is the asker's; else in how many ms to ask again, at most a period
--
-- A round in the future was begun before the clock was set back, or on another server: nobody waits for it. The header lets it run when
-- memory is full: it is for what frees it.
local periodMs, asker = tonumber(ARGV[1]), ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local begunAt, by = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%S+)$')
if by == asker then return 0 end
local sinceMs = begunAt and now - tonumber(begunAt) or -1
if sinceMs >= 0 and sinceMs < periodMs then return periodMs - sinceMs end
-- Nobody asks for the turn of an earlier version's duties any more.
redis.call('SET', KEYS[1], string.format('%.0f %s', now, asker), 'PX', periodMs * 10)
return 0

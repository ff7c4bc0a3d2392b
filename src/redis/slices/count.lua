#!lua flags=allow-oom
-- Counts an attempt before it begins, so that one that kills its process is counted too. Sent twice, it counts once.
--
-- KEYS[1]  row     KEYS[2]  attempts     KEYS[3]  parked: entry id -> due time
-- ARGV     epoch, owner, channel, entry id, the attempt, from 1
-- Reply    {attempts, starts since one last ended, in how many ms it is due}; nil where the slice is another's or the entry is finished
--
-- A request that was cut off on its way may come when the entry is settled: then nothing is counted.
local channel, id, attempt = ARGV[3], ARGV[4], tonumber(ARGV[5])
if not isHeldBy(rowOf(KEYS[1]), ARGV[1], ARGV[2]) then return false end
local wrong = wrongType(KEYS[2], 'hash') or wrongType(KEYS[3], 'zset')
if wrong then return wrong end
local saved = redis.call('HMGET', KEYS[1], 'at:' .. channel, 'open:' .. channel)
local parkedUntil = redis.call('ZSCORE', KEYS[3], id)
if not saved[1] or not (parkedUntil or isUnfinished(saved[1], saved[2], id)) then return false end
local now = nowMs()
local known, starts, firstAt, due = attemptsIn(redis.call('HGET', KEYS[2], id))
if tonumber(known) < attempt then
  known, starts = digits(attempt), digits(starts + 1)
  redis.call('HSET', KEYS[2], id, known .. ':' .. starts .. ':' .. (firstAt or digits(now)) .. (due ~= '' and ':' .. due or ''))
end
return { known, starts, dueIn(parkedUntil or due, now) }

#!lua flags=allow-oom
-- Counts an attempt at a redelivered entry before its handler runs, so that one that kills its process is counted too.
--
-- KEYS[1]  stream     KEYS[2]  attempts: hash, entry id -> "attempt:crashes:firstAt"
-- ARGV     group, member, entry id, attempts that this member knows of, "1" when it goes on after an attempt of its own
-- Reply    the record, or nil when the delivery is not this member's
--
-- Sent twice, it counts once: only who holds the delivery counts, so a record that is ahead of what it knows is its own.
-- `crashes` counts the starts that have not ended: it is raised here and taken back when the attempt ends in any way but silence.
-- A member that goes on by itself has ended its last attempt, so its count stands.
local owner = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #owner == 0 or owner[1][2] ~= ARGV[2] then return false end
local record = redis.call('HGET', KEYS[2], ARGV[3])
local attempt, crashes, firstAt = string.match(record or '', '^(%d+):(%d+):(%d+)$')
if not attempt then
  local time = redis.call('TIME')
  attempt, crashes, firstAt = 0, 0, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
end
if tonumber(attempt) > tonumber(ARGV[4]) then return record end
attempt = tonumber(ARGV[4]) + 1
crashes = ARGV[5] == '1' and math.max(tonumber(crashes), 1) or crashes + 1
record = string.format('%d:%d:%s', attempt, crashes, firstAt)
redis.call('HSET', KEYS[2], ARGV[3], record)
return record

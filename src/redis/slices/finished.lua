#!lua flags=no-writes
-- Tells whether a component has finished an entry, by its row and its parked retries.
--
-- KEYS[1]  row     KEYS[2]  parked: entry id -> due time
-- ARGV     channel, entry id
-- Reply    1 or 0
local saved = redis.call('HMGET', KEYS[1], 'at:' .. ARGV[1], 'open:' .. ARGV[1])
if not saved[1] or isUnfinished(saved[1], saved[2], ARGV[2]) then return 0 end
return redis.call('ZSCORE', KEYS[2], ARGV[2]) and 0 or 1

#!lua
-- Takes over a replay's run in one partition: batches that an earlier owner still sends are refused. May be sent twice.
--
-- KEYS[1]  the run's progress in this partition: hash, as in replay-append.lua
-- ARGV     the new owner, a name that nobody had before
-- Reply    the hash as it stands then, names and values in turn
--
-- A second sending, after its owner has appended, must not set the number back: the owner's first batch would be appended again.
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'number', 0) end
return redis.call('HGETALL', KEYS[1])

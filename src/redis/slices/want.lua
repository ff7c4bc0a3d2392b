#!lua flags=allow-oom
-- Asks the owner of a slice to hand it over.
--
-- KEYS[1]  row
-- ARGV     epoch and owner as they were seen, the member that should have the slice
-- Reply    1, or 0 where it has another owner by now
if not isHeldBy(rowOf(KEYS[1]), ARGV[1], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'wanted', ARGV[3])
return 1

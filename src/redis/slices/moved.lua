#!lua flags=allow-oom
-- Notes up to where outputs in the relay were moved to their partition, and removes what need not be kept.
--
-- KEYS[1]  row     KEYS[2]  the relay
-- ARGV     epoch, owner, the partition that they are for, the last id that was moved, the oldest id that stays
-- Reply    1, or 0 where nothing was changed
if not isHeldBy(rowOf(KEYS[1]), ARGV[1], ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'moved:' .. ARGV[3], ARGV[4])
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[5])
return 1

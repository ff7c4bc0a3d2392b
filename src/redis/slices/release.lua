#!lua flags=allow-oom
-- Frees a slice, unless a batch of its owner is missing.
--
-- KEYS[1]  row
-- ARGV     epoch, owner, the number of the owner's last batch
-- Reply    1, or 0 where nothing was changed
local row = rowOf(KEYS[1])
if not isHeldBy(row, ARGV[1], ARGV[2]) or row[3] ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'owner', '', 'beat', digits((row[5] or 0) + 1))
return 1

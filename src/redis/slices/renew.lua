#!lua flags=allow-oom
-- Says that the owner of a slice lives. Declares the row's key alone: while a slot moves to another node of a cluster, a script that names a
-- key which does not exist yet is refused.
--
-- KEYS[1]  row
-- ARGV     epoch, owner
-- Reply    who wants the slice, or ""; where it is another's the row (look.lua)
local row = rowOf(KEYS[1])
if not isHeldBy(row, ARGV[1], ARGV[2]) then return shown(row) end
redis.call('HINCRBY', KEYS[1], 'beat', 1)
return row[4] or ''

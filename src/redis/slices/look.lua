#!lua flags=no-writes
-- Reads the row of a slice, and whether what was read is still there.
--
-- KEYS[1]  row     KEYS[2..] streams
-- ARGV     for each stream the id of the newest entry that was read of it
-- Reply    {row, then for each stream the entry's field `id`: "" where it has none, nil where the entry is not there}; the row: {epoch, owner,
--          beat, seq, wanted}, {} where there is none
local reply = { shown(rowOf(KEYS[1])) }
for k = 2, #KEYS do
  local entry = redis.call('XRANGE', KEYS[k], ARGV[k - 1], ARGV[k - 1])[1]
  reply[k] = entry and (entry[2][1] == 'id' and entry[2][2] or '')
end
return reply

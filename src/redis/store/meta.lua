#!lua flags=allow-oom
-- Compares a namespace's description with what we expect of it. Creates it where there is none, when asked to. Writes nothing if it is
-- another's, and needs no right to write where it is there.
-- Runs while memory is full: what a process writes at its start is a few words, and without it nobody could start who trims.
--
-- KEYS[1]  meta: hash
-- ARGV     format, partitions, "1" to create what is not there
-- Reply    {type of the key, format, partitions} as they stand now; what is not there counts as what we expect. "denied" instead of a type:
--          it is not there, and this user may not create it
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then return { kind, '', '' } end
local format, partitions = redis.call('HGET', KEYS[1], 'format'), redis.call('HGET', KEYS[1], 'partitions')
if format and format ~= ARGV[1] then return { 'hash', format, partitions or '' } end
if ARGV[3] == '1' and not (format and partitions) then
  local reply = redis.pcall('HSETNX', KEYS[1], 'format', ARGV[1])
  if type(reply) ~= 'table' then reply = redis.pcall('HSETNX', KEYS[1], 'partitions', ARGV[2]) end
  if type(reply) == 'table' then
    if string.find(reply.err, 'NOPERM', 1, true) or string.find(reply.err, "can't", 1, true) then return { 'denied', '', '' } end
    return reply
  end
end
return { 'hash', format or ARGV[1], partitions or ARGV[2] }

#!lua
-- Compares a namespace's description with what we expect of it. Creates it where there is none, when asked to. Writes nothing if it is
-- another's.
--
-- KEYS[1]  meta: hash
-- ARGV     format, partitions, "1" to create what is not there
-- Reply    {type of the key, format, partitions} as they stand now; what is not there counts as what we expect
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then return { kind, '', '' } end
local format, partitions = redis.call('HGET', KEYS[1], 'format'), redis.call('HGET', KEYS[1], 'partitions')
if format and format ~= ARGV[1] then return { 'hash', format, partitions or '' } end
if ARGV[3] == '1' then
  redis.call('HSETNX', KEYS[1], 'format', ARGV[1])
  redis.call('HSETNX', KEYS[1], 'partitions', ARGV[2])
end
return { 'hash', format or ARGV[1], partitions or ARGV[2] }

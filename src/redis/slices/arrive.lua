#!lua
-- Appends outputs from the relay of a slice at another node to their channels, each once, however often they are sent and by whichever owner.
--
-- KEYS[1]  what is remembered of the relay: hash with `epoch`, `number`, `last` (id in the relay), `count` of event ids so far
-- KEYS[2]  the event ids that came last, a sorted set by their count     then the streams, each once
-- ARGV     the owner's epoch, number of the sending, id in the relay up to which all is known to be here, how many event ids are remembered,
--          "" or "<place among the streams from 1>:<hard cap>" for each stream that has one, separated by spaces; below 0 it evicts;
--          then each output: its id in the relay, place of its stream, event id, how many names and values, names and values
-- Reply    {"fenced", epoch of the later sending}; {"behind", last id in the relay that is here}; {"moved", how many of the first are here now, why not all or "", evictions}
-- evictions: "<place> <entries removed> <of them not finished by some group>" for each stream that evicted, in lines of their own
--
-- Order matters. What may refuse all of it is asked before anything is written, as Redis does not roll back. An output is known by its event
-- id: a source that has gone back settles the same event again, and it has another id in the relay then.
local memory, recent = KEYS[1], KEYS[2]
local epoch, number, after, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local wrong = wrongType(memory, 'hash') or wrongType(recent, 'zset')
if wrong then return wrong end
local before = redis.call('HMGET', memory, 'epoch', 'number', 'last', 'count')
local seenEpoch, last, count = tonumber(before[1] or 0), before[3] or '0-0', tonumber(before[4] or 0)
if epoch < seenEpoch or (epoch == seenEpoch and number < tonumber(before[2] or 0)) then return { 'fenced', before[1] } end
if isBefore(last, after) then return { 'behind', last } end
redis.call('HSET', memory, 'epoch', ARGV[1], 'number', ARGV[2])
redis.call('ZREMRANGEBYRANK', recent, 0, -kept - 1)

local room, evicts = {}, {}
for s, cap in string.gmatch(ARGV[5], '(%d+):(-?%d+)') do
  s, cap = tonumber(s), tonumber(cap)
  if cap < 0 then evicts[s] = -cap else room[s] = cap end
end
local arrived, why = 0, ''
local i = 6
while i <= #ARGV do
  local id, s, eventId, width = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2], tonumber(ARGV[i + 3])
  local stream = KEYS[s + 2]
  if eventId == '' or not redis.call('ZSCORE', recent, eventId) then
    if room[s] and redis.call('XLEN', stream) >= room[s] then
      why = stream .. ' is full: it has reached its hard cap'
      break
    end
    local reply = redis.pcall('XADD', stream, '*', unpack(ARGV, i + 4, i + 3 + width))
    if errorIn(reply) then
      why = stream .. ': ' .. string.gsub(reply.err, '[\r\n]', ' ')
      break
    end
    count = count + 1
    if eventId ~= '' then redis.call('ZADD', recent, digits(count), eventId) end
  end
  last, arrived = id, arrived + 1
  i = i + 4 + width
end
redis.call('HSET', memory, 'last', last, 'count', digits(count))
local evicted = {}
for s, cap in pairs(evicts) do
  local isDone, removed, unfinished = pcall(evict, KEYS[s + 2], cap)
  if isDone and removed > 0 then evicted[#evicted + 1] = string.format('%d %d %d', s, removed, unfinished) end
end
return { 'moved', arrived, why, table.concat(evicted, '\n') }

#!lua flags=allow-oom
-- Acknowledges deliveries that have neither outputs nor state: it works when memory is full, and may be sent twice.
--
-- KEYS[1]  members: sorted set of the component      KEYS[2]  robbed: the entries taken from this member
-- KEYS[3]  the settlement log
-- KEYS[4..] for each channel: its stream, its attempts hash
-- ARGV     group, member, what to note in the settlement log: the calls, or "" for nothing;
--          then for each channel: the number of ids, how many of the first of them have an attempt record, the ids
-- Reply    "" when all were acknowledged; else the others' places from 1 over the whole call, separated by spaces: of a fenced one its
--          place, with "!" before it where its group is gone
--
-- A member that is no longer registered was taken for dead and everything it held given away: all its settlements are fenced.
-- While the group of a stream is gone nothing is acknowledged on it, and the log would miss it: it waits until the group is made again. A
-- stream that is gone itself takes nothing back, so what was delivered of it is settled.
-- Otherwise only a member from which something was taken has a robbed set, so that the usual case costs one look-up a batch.
local group, member = ARGV[1], ARGV[2]
local registered = redis.call('ZSCORE', KEYS[1], member)
local robbed = registered and redis.call('EXISTS', KEYS[2]) == 1

local calls = ARGV[3]
if calls ~= '' then
  local kind = redis.call('TYPE', KEYS[3]).ok
  if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[3] .. ' is a ' .. kind .. ', not a stream')
  end
end

local function isGroupGone(stream)
  return redis.call('TYPE', stream).ok == 'stream' and redis.pcall('XPENDING', stream, group).err ~= nil
end

local refused, unsettled = {}, {}
local i, k, place, settled = 4, 4, 0, 0
while i <= #ARGV do
  local count, recorded = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local stream, attempts = KEYS[k], KEYS[k + 1]
  local ids, places, recordedIds = {}, {}, {}
  for j = 1, count do
    place = place + 1
    local id = ARGV[i + 1 + j]
    if not registered or (robbed and redis.call('SISMEMBER', KEYS[2], stream .. '/' .. id) == 1) then
      refused[#refused + 1] = place
      unsettled[#unsettled + 1] = stream .. '/' .. id
    else
      ids[#ids + 1] = id
      places[#ids] = place
      if j <= recorded then recordedIds[#recordedIds + 1] = id end
    end
  end
  local acknowledged = #ids > 0 and redis.call('XACK', stream, group, unpack(ids)) or 0
  if #ids > 0 and acknowledged == 0 and isGroupGone(stream) then
    for n = 1, #ids do
      refused[#refused + 1] = '!' .. places[n]
      unsettled[#unsettled + 1] = stream .. '/' .. ids[n]
    end
  else
    settled = settled + acknowledged
    for n = 1, #recordedIds do redis.call('HDEL', attempts, recordedIds[n]) end
  end
  i = i + 2 + count
  k = k + 2
end
-- Sent a second time it acknowledges nothing, and notes nothing.
if calls ~= '' and settled > 0 then
  if #unsettled == 0 then
    redis.pcall('XADD', KEYS[3], '*', 'calls', calls)
  else
    redis.pcall('XADD', KEYS[3], '*', 'calls', calls, 'without', table.concat(unsettled, ' '))
  end
end
return table.concat(refused, ' ')

#!lua
-- Appends a batch of a replay and notes the run's progress, in one step; once, however often it is sent.
--
-- KEYS[1]     the run's progress in this partition: hash: owner, number, entries, "at:<source channel>" -> entry id of the last original
-- KEYS[2..]   the streams
-- ARGV        owner, number of the batch, "" or "<stream>:<hard cap>" for each stream that has one, separated by spaces, below 0 it
--             evicts; count of positions, then for each: source channel, entry id; then for each entry: stream 1.., and the values of
--             the wire format in its order
-- Reply       one entry id a line; empty where the batch was appended before
--
-- Order: types and caps are checked before anything is written, and a batch that a permission refuses in the middle is taken back. So
-- a batch is appended whole or not at all, and a refused one leaves the run where it was. The owner fences a process that was taken for
-- dead and is not. The number recognises a batch that is sent again, and refuses batches that were sent behind a refused one.
local progress, owner, number = KEYS[1], ARGV[1], tonumber(ARGV[2])
local noted = redis.call('HMGET', progress, 'owner', 'number')
if noted[1] ~= owner then return redis.error_reply('FENCED the run is held by another process') end
if tonumber(noted[2]) >= number then return '' end
if tonumber(noted[2]) + 1 ~= number then return redis.error_reply('BEHIND batch ' .. number .. ' comes after one that was refused') end

local positions = tonumber(ARGV[4])
local names = { 'id', 'time', 'key', 'payload', 'traceparent', 'tracestate', 'baggage', 'version', 'due', 'causes', 'stories' }
local first, width = 5 + 2 * positions, 1 + #names
local wanted = {}
for i = first, #ARGV, width do
  local s = tonumber(ARGV[i])
  wanted[s] = (wanted[s] or 0) + 1
end
for s in pairs(wanted) do
  local kind = redis.call('TYPE', KEYS[s + 1]).ok
  if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('REFUSED ' .. KEYS[s + 1] .. ' is a ' .. kind .. ', not a stream')
  end
end
local evicts = {}
for s, cap in string.gmatch(ARGV[3], '(%d+):(-?%d+)') do
  s, cap = tonumber(s), tonumber(cap)
  if cap < 0 then
    evicts[s] = -cap
  elseif redis.call('XLEN', KEYS[s + 1]) + (wanted[s] or 0) > cap then
    return redis.error_reply('REFUSED ' .. KEYS[s + 1] .. ' is full: it has reached its hard cap')
  end
end

local ids = {}
for i = first, #ARGV, width do
  local stream = KEYS[tonumber(ARGV[i]) + 1]
  local call = { 'XADD', stream, '*' }
  for v = 1, #names do
    local name, value = names[v], ARGV[i + v]
    if value ~= '' or (name ~= 'version' and name ~= 'due' and name ~= 'stories') then
      call[#call + 1] = name
      call[#call + 1] = value
    end
  end
  local id = redis.pcall(unpack(call))
  if type(id) == 'table' then
    for a = #ids, 1, -1 do withdraw(KEYS[tonumber(ARGV[first + (a - 1) * width]) + 1], ids[a]) end
    return redis.error_reply('REFUSED ' .. string.gsub(id.err or 'unknown error', '[\r\n]', ' '))
  end
  ids[#ids + 1] = id
end

local fields = { 'number', number }
for p = 0, positions - 1 do
  fields[#fields + 1] = 'at:' .. ARGV[5 + 2 * p]
  fields[#fields + 1] = ARGV[6 + 2 * p]
end
redis.call('HSET', progress, unpack(fields))
redis.call('HINCRBY', progress, 'entries', #ids)
for s, cap in pairs(evicts) do pcall(evict, KEYS[s + 1], cap) end
return table.concat(ids, '\n')

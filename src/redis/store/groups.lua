-- Put before the scripts that have to know what a stream's groups have not finished (scripts.ts).

-- Names and values in turn, as a table by name.
local function named(list)
  local map = {}
  for f = 1, #list, 2 do map[list[f]] = list[f + 1] end
  return map
end

-- Numbers as digits: an id's two parts are 64 bits each, and a Lua number keeps 53.
local function isLess(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local function isBefore(a, b)
  local aMs, aSeq = string.match(a, '^(%d+)-?(%d*)$')
  local bMs, bSeq = string.match(b, '^(%d+)-?(%d*)$')
  if aMs ~= bMs then return isLess(aMs, bMs) end
  return isLess(aSeq == '' and '0' or aSeq, bSeq == '' and '0' or bSeq)
end

-- What the row of a component (slices/row.lua) says of a stream: its position, and the ids before it that are open. nil where it says nothing.
-- The key of the row, and that of the parked set, lie in the slot of the stream, and are made from its name: a component of which only the
-- stream's groups are evidence could not be declared. Where the server or the user's rules refuse that, `isRefused`.
local function placeOf(stream, group)
  local tag, channel = string.match(stream, '^({[^}]*}):(.*)$')
  if not tag then return nil end
  local saved = redis.pcall('HMGET', tag .. ':owner:' .. group, 'at:' .. channel, 'open:' .. channel)
  if saved.err then return { isRefused = true } end
  if not saved[1] then return nil end
  return { at = saved[1], open = saved[2] or '', parked = stream .. ':parked:' .. group }
end

-- Parked entries up to this number are looked at one by one.
local mostParked = 1000

-- The oldest parked entry; nil where there is none, 0-0 where nobody can say. The set is ordered by due time: a large one is not gone through where the group's pending
-- list, which is ordered by id, shows no fewer.
local function oldestParked(stream, group, hasGroup, parked)
  local count = redis.pcall('ZCARD', parked)
  if type(count) == 'table' then return '0-0' end
  if count == 0 then return nil end
  if hasGroup and count > mostParked then
    for _, consumer in ipairs(redis.call('XPENDING', stream, group)[4] or {}) do
      if consumer[1] == 'parked' and tonumber(consumer[2]) >= count then
        return redis.call('XPENDING', stream, group, '-', '+', 1, 'parked')[1][1]
      end
    end
  end
  local oldest
  for _, id in ipairs(redis.call('ZRANGE', parked, 0, -1)) do
    if not oldest or isBefore(id, oldest) then oldest = id end
  end
  return oldest
end

-- The oldest entry that a component has not finished is not before this: the least of (position, oldest open, oldest parked) by its row;
-- where it has none, as with a group of somebody else's, the least of (last delivered, oldest pending). nil where there is neither.
local function keptBy(stream, group, own, last)
  local place = placeOf(stream, group)
  if place and place.isRefused then return '0-0' end
  if not place then
    if not own then return nil end
    local delivered, pending = own['last-delivered-id'], redis.call('XPENDING', stream, group)
    return pending[1] > 0 and isBefore(pending[2], delivered) and pending[2] or delivered
  end
  if isBefore(last, place.at) then return '0-0' end -- another stream than the one that the row is of
  local kept = oldestParked(stream, group, own ~= nil, place.parked) or place.at
  if isBefore(place.at, kept) then kept = place.at end
  for id in string.gmatch(place.open, '[%d-]+') do
    if isBefore(id, kept) then kept = id end
  end
  return kept
end

-- Counts how many of these entries some group's component has not finished.
local function unfinishedOf(stream, entries)
  local last = named(redis.call('XINFO', 'STREAM', stream))['last-generated-id']
  local unfinished, count = {}, 0
  local function add(id)
    if not unfinished[id] then count = count + 1 end
    unfinished[id] = true
  end
  for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local own = named(row)
    local group = own['name']
    local place = placeOf(stream, group)
    local at = own['last-delivered-id']
    local isOpen, hasParked = {}, false
    if place and not place.isRefused then
      at = isBefore(last, place.at) and '0-0' or place.at
      for id in string.gmatch(place.open, '[%d-]+') do isOpen[id] = true end
      local parked = redis.pcall('ZCARD', place.parked)
      hasParked = type(parked) == 'number' and parked > 0
    elseif #entries > 0 then
      for _, pending in ipairs(redis.call('XPENDING', stream, group, entries[1][1], entries[#entries][1], #entries)) do
        isOpen[pending[1]] = true
      end
    end
    for _, entry in ipairs(entries) do
      local id = entry[1]
      if isBefore(at, id) or isOpen[id] or hasParked and redis.call('ZSCORE', place.parked, id) then add(id) end
    end
  end
  return count
end

-- Makes room at the end of an append to a stream that evicts when it is full. How many entries went, and how many of them some group
-- had not finished.
local function evict(stream, cap)
  if redis.call('EXISTS', stream) == 0 then return 0, 0 end
  local excess = redis.call('XLEN', stream) - cap
  if excess <= 0 then return 0, 0 end
  local unfinished = unfinishedOf(stream, redis.call('XRANGE', stream, '-', '+', 'COUNT', excess))
  return redis.call('XTRIM', stream, 'MAXLEN', '=', cap), unfinished
end

-- Takes an entry back that was appended in this step: as if it had never been, or it would count as lost by every group.
local function withdraw(stream, id)
  local facts = redis.pcall('XINFO', 'STREAM', stream)
  redis.call('XDEL', stream, id)
  if facts.err then return end
  local before = named(facts)
  redis.pcall('XSETID', stream, before['last-generated-id'], 'ENTRIESADDED', string.format('%.0f', before['entries-added'] - 1),
    'MAXDELETEDID', before['max-deleted-entry-id'])
end

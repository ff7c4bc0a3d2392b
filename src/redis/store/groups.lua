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

-- The oldest entry that some group has not finished is not before this: the least of (oldest pending, else last delivered).
-- Parked and handed-back deliveries are pending, too. nil where the stream has no group. Then which groups there are, and whether the
-- entry at the floor itself is unfinished.
local function floorOf(stream)
  local floor, present, isOpen = nil, {}, false
  for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group = named(row)
    present[group['name']] = true
    local pending = redis.call('XPENDING', stream, group['name'])
    local hasPending = pending[1] > 0
    local kept = hasPending and pending[2] or group['last-delivered-id']
    if not floor or isBefore(kept, floor) then floor, isOpen = kept, false end
    isOpen = isOpen or hasPending and kept == floor
  end
  return floor, present, isOpen
end

-- Makes room at the end of an append to a stream that evicts when it is full. How many entries went, and how many of them some group
-- had not finished.
local function evict(stream, cap)
  if redis.call('EXISTS', stream) == 0 then return 0, 0 end
  local excess = redis.call('XLEN', stream) - cap
  if excess <= 0 then return 0, 0 end
  local floor, _, isOpen = floorOf(stream)
  local unfinished = 0
  if floor then
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', excess)
    for e = 1, #oldest do
      if isBefore(floor, oldest[e][1]) or isOpen and oldest[e][1] == floor then unfinished = unfinished + 1 end
    end
  end
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

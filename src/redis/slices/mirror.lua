-- Put before the scripts that make a component's group what the row says (scripts.ts). The group is what people and tools see; nothing is
-- decided by it while the row is there.

-- The facts of a stream by name; nil where there is none.
local function factsOf(stream)
  if redis.call('EXISTS', stream) == 0 then return nil end
  return named(redis.call('XINFO', 'STREAM', stream))
end

local function groupOf(stream, group)
  for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local facts = named(row)
    if facts['name'] == group then return facts end
  end
end

-- unpack() has room for some 7,000 values.
local pageSize = 1000

-- Puts entries into the group's pending list, as a consumer's; not those that are no longer in the stream.
local function show(stream, group, consumer, ids)
  for first = 1, #ids, pageSize do
    local call = { 'XCLAIM', stream, group, consumer, '0', unpack(ids, first, math.min(first + pageSize - 1, #ids)) }
    call[#call + 1] = 'FORCE'
    call[#call + 1] = 'JUSTID'
    redis.call(unpack(call))
  end
end

-- What was counted or parked is shown; the consumer `parked` stands for what waits for a retry while others of its key go on.
local function showNoted(stream, group, member, attempts, parked)
  local waiting = redis.call('ZRANGE', parked, 0, -1)
  local isParked, counted = {}, {}
  for _, id in ipairs(waiting) do isParked[id] = true end
  for _, id in ipairs(redis.call('HKEYS', attempts)) do
    if not isParked[id] then counted[#counted + 1] = id end
  end
  show(stream, group, 'parked', waiting)
  show(stream, group, member, counted)
end

-- Whether an XGROUP was refused because there is no such group, or no such stream.
local function isGone(reply)
  return string.find(reply.err, 'NOGROUP', 1, true) ~= nil or string.find(reply.err, 'requires the key to exist', 1, true) ~= nil
end

-- Moves the group to a position. False: there is no such group, or no such stream. `read`: entries up to there, empty where that is not known.
local function place(stream, group, at, read)
  local reply
  if read == '' then reply = redis.pcall('XGROUP', 'SETID', stream, group, at)
  else reply = redis.pcall('XGROUP', 'SETID', stream, group, at, 'ENTRIESREAD', read) end
  if not reply.err then return true end
  if isGone(reply) then return false end
  error(reply)
end

local function makeGroup(stream, group, member, at, read)
  redis.call('XGROUP', 'CREATE', stream, group, at, 'MKSTREAM', 'ENTRIESREAD', read == '' and '-1' or read)
  redis.call('XGROUP', 'CREATECONSUMER', stream, group, member)
end

-- How many entries the stream ever had up to the position: at its end all, whatever was removed before it was read; else as the group says,
-- where it stands there; empty where that is not known.
local function readAt(facts, at, own)
  if at == facts['last-generated-id'] then return digits(facts['entries-added']) end
  if own and own['last-delivered-id'] == at and own['entries-read'] then return digits(own['entries-read']) end
  return ''
end

-- Makes a group that is gone again.
local function remake(stream, group, member, at, read, attempts, parked)
  makeGroup(stream, group, member, at, read)
  showNoted(stream, group, member, attempts, parked)
end

-- Writes the group's place as it is.
local function rewrite(stream, group)
  local own = groupOf(stream, group)
  place(stream, group, own['last-delivered-id'], own['entries-read'] and digits(own['entries-read']) or '')
end

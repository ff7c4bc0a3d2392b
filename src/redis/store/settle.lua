#!lua
-- Settles: outputs, state and acknowledgement of each settlement in one step, fenced, once however often it is sent.
--
-- KEYS[1]  members: sorted set of the component     KEYS[2]  robbed: the entries taken from this member
-- KEYS[3]  numbers: hash, ring slot -> "<number>\n<reply>"; belongs to this member
-- KEYS[4..] every other key that is touched, each once
-- ARGV     how many numbers back the call is that must have run before (numbers.lua), group, member, number, ring size, numbers' time to live in ms,
--          one letter for each of KEYS[4..]: "o" a stream that is appended to, "s" one that is acknowledged on (may be both: "b"),
--          "h" a hash;
--          "" or "<place in KEYS>:<hard cap>" for each stream that has one, separated by spaces; below 0 it evicts when it is full;
--          the place in KEYS of the settlement log, "0" for none;
--          then for each settlement its layout, and the values that the layout names, in its order;
--          last what to note in the settlement log: the calls of all settlements
-- layout   "<deliveries>/<reads>/<writes>/<outputs>", each a list separated by commas, keys by their place in KEYS:
--            a delivery  "<stream>" or "<stream>.<attempts hash>"                            value: entry id
--            a read      "<hash>"                                                            values: field, version seen or ""
--            a write     "<hash>"                                       values: field, "version json", or "" to delete
--            an output   "<stream>:<columns>", one letter a value of the wire format that it has:
--                        "i" id, "t" time, "k" key, "p" payload, "T" traceparent, "S" tracestate, "B" baggage, "C" causes
--          Most settlements of a batch look the same, so that a layout is taken apart once.
-- Reply    one line a settlement: the ids of its outputs, empty where it has none, or "fenced", "conflict", "refused <why>"; then one for
--          each stream that evicted: "~<place in KEYS> <entries removed> <of them not finished by some group>"
--
-- Order matters. Redis does not roll back, so: types and the right to acknowledge are checked before anything is written;
-- each settlement is undone by hand if one of its writes is refused in the middle (a permission that was withdrawn); and
-- the acknowledgements come last. The header refuses the whole script when memory is full. Versions are compared in order,
-- so a settlement sees the writes of those before it. While the group of a stream is gone nothing is settled on it: its entries will be
-- delivered again. A stream that is gone itself takes nothing back, so what was delivered of it is settled.
local ARGV, KEYS, redis = ARGV, KEYS, redis -- globals are looked up by name each time
local behind, group, member, number, ring, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local letters, caps, logPlace, firstSettlement = ARGV[7], ARGV[8], tonumber(ARGV[9]), 10

local answered = answerOf(KEYS[3], number, behind, ring, ttl)
if answered then return answered end

local registered = redis.call('ZSCORE', KEYS[1], member)
local robbed = registered and redis.call('EXISTS', KEYS[2]) == 1

local bad = {}
for k = 4, #KEYS do
  local letter = string.sub(letters, k - 3, k - 3)
  local wanted = letter == 'h' and 'hash' or 'stream'
  local reply = redis.pcall('TYPE', KEYS[k]) -- refused where the user may not touch this one
  local kind = reply.ok
  if kind ~= wanted and kind ~= 'none' then
    bad[k] = KEYS[k] .. (kind and ' is a ' .. kind .. ', not a ' .. wanted or ': ' .. reply.err)
  elseif letter == 's' or letter == 'b' then
    local allowed = redis.pcall('XACK', KEYS[k], group, '0-0') -- acknowledges nothing; only asks
    if type(allowed) == 'table' and allowed.err then bad[k] = allowed.err end
    if kind == 'stream' then
      local ownPending = redis.pcall('XPENDING', KEYS[k], group, '-', '+', 1, member)
      if ownPending.err then bad[k] = ownPending.err end
    end
  end
end

-- What is left of each hard cap that rejects; nil without one.
local room, evicts = {}, {}
for k, cap in string.gmatch(caps, '(%d+):(-?%d+)') do
  k, cap = tonumber(k), tonumber(cap)
  if cap < 0 then
    evicts[k] = -cap
  elseif not bad[k] then
    room[k] = cap - redis.call('XLEN', KEYS[k])
  end
end

local acks, acked = {}, {}
local records = {}
local results, resultCount = {}, 0
local unsettled = {} -- of the calls in the log

local layouts = {}
local function layoutOf(text)
  local known = layouts[text]
  if known then return known end
  local deliveries, reads, writes, outputs = string.match(text, '^([^/]*)/([^/]*)/([^/]*)/([^/]*)$')
  known = { streams = {}, records = {}, reads = {}, writes = {}, why = logPlace > 0 and bad[logPlace] or nil }
  known.outputs, known.calls, known.widths, known.width = {}, {}, {}, 0
  local function takes(place)
    place = tonumber(place)
    known.why = known.why or bad[place]
    return place
  end
  for stream, record in string.gmatch(deliveries, '(%d+)%.?(%d*)') do
    known.streams[#known.streams + 1] = takes(stream)
    known.records[#known.streams] = record ~= '' and tonumber(record) or nil
  end
  for hash in string.gmatch(reads, '%d+') do known.reads[#known.reads + 1] = takes(hash) end
  for hash in string.gmatch(writes, '%d+') do known.writes[#known.writes + 1] = takes(hash) end
  for stream, given in string.gmatch(outputs, '(%d+):(%a+)') do
    known.outputs[#known.outputs + 1] = takes(stream)
    known.calls[#known.outputs] = entryOf(KEYS[tonumber(stream)], given)
    known.widths[#known.outputs] = #given
    known.width = known.width + #given
  end
  layouts[text] = known
  return known
end

-- How many entries each stream with a hard cap would take; then the first that has no room for them.
local function wantedOf(outputs)
  local wanted = {}
  for o = 1, #outputs do
    local stream = outputs[o]
    if room[stream] then
      wanted[stream] = (wanted[stream] or 0) + 1
      if wanted[stream] > room[stream] then return wanted, KEYS[stream] .. ' is full: the outputs do not fit under its hard cap' end
    end
  end
  return wanted
end

local function failed(reply)
  return type(reply) == 'table' and reply.err or nil
end

local hasRoom = next(room) ~= nil
local ids, undo = {}, {} -- of one settlement after the other, as many as are counted: a table for each would cost more than what is in it
local i = firstSettlement
while i < #ARGV do
  local verdict = registered and 'acked' or 'fenced'
  local layout = layoutOf(ARGV[i])
  local why = layout.why
  local streams, reads, writes, outputs = layout.streams, layout.reads, layout.writes, layout.outputs
  local firstDelivery = i + 1
  local firstRead = firstDelivery + #streams
  local firstWrite = firstRead + 2 * #reads
  local firstOutput = firstWrite + 2 * #writes

  if robbed then
    for d = 1, #streams do
      if redis.call('SISMEMBER', KEYS[2], KEYS[streams[d]] .. '/' .. ARGV[firstDelivery + d - 1]) == 1 then verdict = 'fenced' end
    end
  end
  local wanted
  if hasRoom then
    local full
    wanted, full = wantedOf(outputs)
    why = why or full
  end
  if verdict == 'acked' and not why then
    for r = 1, #reads do
      local at = firstRead + 2 * (r - 1)
      local value = redis.call('HGET', KEYS[reads[r]], ARGV[at])
      local version = value and string.match(value, '^(%S+) ') or ''
      if version ~= ARGV[at + 1] then verdict = 'conflict' end
    end
  end

  local idCount, undoCount = 0, 0
  local at = firstOutput
  if verdict == 'acked' and not why then
    for o = 1, #outputs do
      local width = layout.widths[o]
      local id = appendEntry(layout.calls[o], ARGV, at, width)
      why = failed(id)
      if why then break end
      ids[o] = id
      idCount = o
      at = at + width
    end
    if not why then
      for w = 1, #writes do
        local from = firstWrite + 2 * (w - 1)
        local hash, field, value = KEYS[writes[w]], ARGV[from], ARGV[from + 1]
        local before = redis.call('HGET', hash, field)
        local reply
        if value == '' then reply = redis.pcall('HDEL', hash, field) else reply = redis.pcall('HSET', hash, field, value) end
        why = failed(reply)
        if why then break end
        undo[w] = before and { 'HSET', hash, field, before } or { 'HDEL', hash, field }
        undoCount = w
      end
    end
    if why then
      for u = undoCount, 1, -1 do redis.call(unpack(undo[u])) end
      for o = idCount, 1, -1 do withdraw(KEYS[outputs[o]], ids[o]) end
    else
      if hasRoom then
        for stream, count in pairs(wanted) do room[stream] = room[stream] - count end
      end
      for d = 1, #streams do
        local stream, record, id = streams[d], layout.records[d], ARGV[firstDelivery + d - 1]
        local list = acks[stream]
        if not list then
          list = {}
          acks[stream] = list
          acked[#acked + 1] = stream
        end
        list[#list + 1] = id
        if record then records[#records + 1] = { record, id } end
      end
    end
  end
  if why and verdict ~= 'fenced' then verdict = 'refused ' .. string.gsub(why, '[\r\n]', ' ') end
  local isAcked = verdict == 'acked'
  resultCount = resultCount + 1
  if not isAcked then results[resultCount] = verdict
  elseif idCount == 1 then results[resultCount] = ids[1]
  else results[resultCount] = table.concat(ids, ' ', 1, idCount) end
  if logPlace > 0 and not isAcked then
    for d = 1, #streams do unsettled[#unsettled + 1] = KEYS[streams[d]] .. '/' .. ARGV[firstDelivery + d - 1] end
  end

  i = firstOutput + layout.width
end

for a = 1, #acked do
  local list = acks[acked[a]]
  for first = 1, #list, 1000 do
    redis.call('XACK', KEYS[acked[a]], group, unpack(list, first, math.min(first + 999, #list)))
  end
end

-- From here on all is done: what is refused now may not make it look undone, or it would be done again.
if logPlace > 0 and #acked > 0 then
  if #unsettled == 0 then
    redis.pcall('XADD', KEYS[logPlace], '*', 'calls', ARGV[#ARGV])
  else
    redis.pcall('XADD', KEYS[logPlace], '*', 'calls', ARGV[#ARGV], 'without', table.concat(unsettled, ' '))
  end
end
for r = 1, #records do redis.pcall('HDEL', KEYS[records[r][1]], records[r][2]) end
for stream, cap in pairs(evicts) do
  if not bad[stream] then
    local isDone, removed, unfinished = pcall(evict, KEYS[stream], cap)
    if isDone and removed > 0 then
      resultCount = resultCount + 1
      results[resultCount] = string.format('~%d %d %d', stream, removed, unfinished)
    end
  end
end

local reply = table.concat(results, '\n')
noteAnswer(KEYS[3], number, ring, ttl, reply)
return reply

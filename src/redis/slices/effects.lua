-- Put before the script that settles a batch (scripts.ts): what of it can be refused by itself.
--
-- Each such settlement is its layout, and the values that the layout names, in its order.
-- layout   "<kind>/<entries>/<changes>/<outputs>", each of the last three a list separated by commas:
--            kind       "a" acked, "p" parked, "b" blocked, "d" buried; "+" after it where it has locks
--            an entry   "<place of its channel from 1>", with a "." where it may be counted or pending    value: entry id
--            a change   "<place in KEYS of the hash>"                               values: field, JSON, or "" to delete
--            an output  "<place in KEYS of the stream>:<columns>"                   values: those of the wire format (entries.lua)
--          values in this order: the locks, numbers separated by commas; entry ids; of "p" and "b" the attempt and the delay in ms; of
--          "d" the place in KEYS of the dead-letter stream, error code, error text, attempts, traceparent of the failing span; changes; outputs
-- Redis does not roll back: each settlement is undone by hand if one of its writes is refused in the middle. Of its state that need not be: whether
-- a store may be written is asked before the batch, and each is written once at its end, as a call for each value costs the server more than the value.

-- Not there although nobody has removed it: the server has gone back.
local function isVanished(stream, id)
  local facts = factsOf(stream)
  if not facts or isBefore(facts['last-generated-id'], id) then return true end
  local first = facts['first-entry']
  return first and isBefore(first[1], id) and isBefore(facts['max-deleted-entry-id'], id)
end

-- The owner's open ids, and those that were refused, now or before: the next batch was made before its owner could know of it.
local function openWith(channel, before)
  local settled, isRefused, ids = channel.settled or {}, {}, {}
  for n = channel.firstNoted, channel.firstNoted + channel.noted - 1 do settled[ARGV[n]] = true end
  for id in string.gmatch(before, '!([%d-]+)') do isRefused[id] = not settled[id] or nil end
  for _, id in ipairs(channel.refused or {}) do isRefused[id] = true end
  for id in string.gmatch(channel.open, '[%d-]+') do
    if not isRefused[id] then ids[#ids + 1] = id end
  end
  for id in pairs(isRefused) do
    if not isBefore(channel.at, id) then ids[#ids + 1] = id end
  end
  table.sort(ids, isBefore)
  for n, id in ipairs(ids) do
    if isRefused[id] then ids[n] = '!' .. id end
  end
  return table.concat(ids, ' ')
end

-- No key of state has this name: it is no UTF-8.
local nobodys = '\255'

-- Why a hash may not be written; nil where it may. Leaves it as it was.
local function refusalOf(hash)
  return errorIn(redis.pcall('HDEL', hash, nobodys)) or errorIn(redis.pcall('HSET', hash, nobodys, '')) or errorIn(redis.pcall('HDEL', hash, nobodys))
end

-- Why keys may not be written, by their places: a wrong type, or this user may not touch them. `letters`: settle-batch.lua.
local function badKeys(firstOther, letters)
  local bad = {}
  for k = firstOther, #KEYS do
    local isHash = string.sub(letters, k - firstOther + 1, k - firstOther + 1) == 'h'
    local wanted = isHash and 'hash' or 'stream'
    local reply = redis.pcall('TYPE', KEYS[k])
    if reply.ok and reply.ok ~= wanted and reply.ok ~= 'none' then bad[k] = KEYS[k] .. ' is a ' .. reply.ok .. ', not a ' .. wanted
    else
      local refused = errorIn(reply) or (isHash and refusalOf(KEYS[k]))
      if refused then bad[k] = KEYS[k] .. ': ' .. refused.err end
    end
  end
  return bad
end

-- What is left of each hard cap that rejects, and which streams evict; both by places.
local function capsOf(caps, bad)
  local room, evicts = {}, {}
  for k, cap in string.gmatch(caps, '(%d+):(-?%d+)') do
    k, cap = tonumber(k), tonumber(cap)
    if not bad[k] and cap < 0 then evicts[k] = -cap end
    if not bad[k] and cap > 0 then room[k] = cap - redis.call('XLEN', KEYS[k]) end
  end
  return room, evicts
end

-- A layout taken apart, with why none of its settlements can be written. Most settlements of a batch have the same.
local function layoutOf(text, bad)
  local kind, locks, entries, changes, outputs = string.match(text, '^(%a)(%+?)/([^/]*)/([^/]*)/([^/]*)$')
  local layout = { kind = kind, hasLocks = locks ~= '', channels = {}, noted = {}, changes = {}, outputs = {}, calls = {}, widths = {}, width = 0 }
  for channel, dot in string.gmatch(entries, '(%d+)(%.?)') do
    layout.channels[#layout.channels + 1] = tonumber(channel)
    layout.noted[#layout.channels] = dot ~= ''
  end
  for hash in string.gmatch(changes, '%d+') do
    hash = tonumber(hash)
    layout.why = layout.why or bad[hash]
    layout.changes[#layout.changes + 1] = hash
  end
  for stream, given in string.gmatch(outputs, '(%d+):(%a+)') do
    stream = tonumber(stream)
    layout.why = layout.why or bad[stream]
    layout.outputs[#layout.outputs + 1] = stream
    layout.calls[#layout.outputs] = entryOf(KEYS[stream], given)
    layout.widths[#layout.outputs] = #given
    layout.width = layout.width + #given
  end
  return layout
end

-- How many entries each stream with a hard cap would take; then the first that has no room for them.
local function wantedOf(outputs, room)
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

-- Settles those that begin at ARGV[first]. The results (settle-batch.lua), what was refused as the settlement log names it, and `finish`, which
-- does what may come after the row: it returns the evictions. A channel is told in `refused` and `settled` which of its ids were.
local function settleEffects(channels, first)
  local group, member, firstOther = ARGV[3], string.match(ARGV[2], '^[^/]*'), 3 + 3 * #channels
  local now, bad = nowMs(), badKeys(firstOther, ARGV[7])
  local room, evicts = capsOf(ARGV[8], bad)
  local hasRoom = next(room) ~= nil

  -- What was written of one settlement, to be undone the last first.
  local undo, undoCount = {}, 0
  local function write(undone, ...)
    local failed = errorIn(redis.pcall(...))
    if failed then return failed.err end
    undoCount = undoCount + 1
    undo[undoCount] = undone
  end
  local function setField(hash, field, value)
    local before = redis.call('HGET', hash, field)
    return write(before and { 'HSET', hash, field, before } or { 'HDEL', hash, field }, 'HSET', hash, field, value)
  end

  -- Each of these returns why it cannot be written; nil where it is.
  local function retry(channel, id, kind, attempt, delayMs)
    local _, _, firstAt = attemptsIn(redis.call('HGET', channel.attempts, id))
    local due, record = digits(now + tonumber(delayMs)), attempt .. ':0:' .. (firstAt or digits(now))
    local before = redis.call('ZSCORE', channel.parked, id)
    local undone = before and { 'ZADD', channel.parked, before, id } or { 'ZREM', channel.parked, id }
    if kind == 'p' then return setField(channel.attempts, id, record) or write(undone, 'ZADD', channel.parked, due, id) end
    return setField(channel.attempts, id, record .. ':' .. due) or write(undone, 'ZREM', channel.parked, id)
  end
  local ids = {} -- of one settlement after the other, as many as are counted: a table for each would cost more than what is in it
  local idCount, buried = 0, {}
  local function bury(channel, id, at)
    local entry = redis.call('XRANGE', channel.stream, id, id)[1]
    if not entry then return end
    local dead = tonumber(ARGV[at])
    if bad[dead] then return bad[dead] end
    local _, _, firstAt = attemptsIn(redis.call('HGET', channel.attempts, id))
    local own = entry[2]
    -- unpack() has room for some 7,000 values; what a hand-written entry has beyond that is counted, not kept.
    local kept = math.min(#own, 6000)
    local letter = { 'XADD', KEYS[dead], '*', unpack(own, 1, kept) }
    local obituary = {
      'dead-channel', channel.name, 'dead-entry', id, 'dead-component', group, 'dead-code', ARGV[at + 1], 'dead-error', ARGV[at + 2],
      'dead-attempts', ARGV[at + 3], 'dead-first', firstAt or digits(now), 'dead-at', digits(now), 'dead-traceparent', ARGV[at + 4],
      'dead-fields-cut', digits((#own - kept) / 2),
    }
    for o = 1, #obituary do letter[3 + kept + o] = obituary[o] end
    local letterId = redis.pcall(unpack(letter))
    if errorIn(letterId) then return letterId.err end
    ids[1], idCount = letterId, 1
    buried[#buried + 1] = channel.name .. ' ' .. id .. ' ' .. letterId
  end
  local function append(layout, at)
    for o = 1, #layout.outputs do
      local id = appendEntry(layout.calls[o], ARGV, at, layout.widths[o])
      if errorIn(id) then return id.err end
      ids[o], idCount = id, o
      at = at + layout.widths[o]
    end
  end
  local pending = {} -- by the place of a hash: its fields, each once, and the last value of each
  local function change(layout, at)
    for c = 1, #layout.changes do
      local hash, field = layout.changes[c], ARGV[at + 2 * c - 2]
      local own = pending[hash] or { fields = {}, values = {} }
      pending[hash] = own
      if not own.values[field] then own.fields[#own.fields + 1] = field end
      own.values[field] = ARGV[at + 2 * c - 1]
    end
  end
  local function writeState()
    for hash, own in pairs(pending) do
      local set, gone = { 'HSET', KEYS[hash] }, { 'HDEL', KEYS[hash] }
      for _, field in ipairs(own.fields) do
        local value, n = own.values[field], #set
        if value == '' then gone[#gone + 1] = field else set[n + 1], set[n + 2] = field, value end
        -- unpack() has room for some 7,000 values.
        if n > 6000 then
          redis.call(unpack(set))
          set = { 'HSET', KEYS[hash] }
        end
        if #gone > 6000 then
          redis.call(unpack(gone))
          gone = { 'HDEL', KEYS[hash] }
        end
      end
      if #set > 2 then redis.call(unpack(set)) end
      if #gone > 2 then redis.call(unpack(gone)) end
    end
  end

  -- Those of one settlement, all or none.
  local function settleOne(layout, firstEntry, firstExtra, firstChange)
    local kind, entries = layout.kind, layout.channels
    local why = append(layout, firstChange + 2 * #layout.changes)
    if kind == 'p' or kind == 'b' then
      for e = 1, why and 0 or #entries do
        why = why or retry(channels[entries[e]], ARGV[firstEntry + e - 1], kind, ARGV[firstExtra], ARGV[firstExtra + 1])
      end
    elseif kind == 'd' and not why then
      why = bury(channels[entries[1]], ARGV[firstEntry], firstExtra)
    end
    if not why then return change(layout, firstChange) end
    for u = undoCount, 1, -1 do redis.call(unpack(undo[u])) end
    for o = idCount, 1, -1 do withdraw(KEYS[layout.outputs[o]], ids[o]) end
    return why
  end

  local results, unsettled, finished, hasNews = {}, {}, {}, false
  local layouts, refusedLocks = {}, {}
  local i, count = first, #ARGV
  while i <= count do
    local layout = layouts[ARGV[i]] or layoutOf(ARGV[i], bad)
    layouts[ARGV[i]] = layout
    local kind, entries = layout.kind, layout.channels
    local locks = layout.hasLocks and ARGV[i + 1] or ''
    local firstEntry = i + (layout.hasLocks and 2 or 1)
    local firstExtra = firstEntry + #entries
    local firstChange = firstExtra + ((kind == 'p' or kind == 'b') and 2 or kind == 'd' and 5 or 0)
    i = firstChange + 2 * #layout.changes + layout.width

    local why, wanted = layout.why, nil
    for lock in string.gmatch(locks, '%d+') do
      if refusedLocks[lock] then why = 'it comes after one that was refused' end
    end
    if hasRoom and not why then wanted, why = wantedOf(layout.outputs, room) end
    idCount, undoCount = 0, 0
    why = why or settleOne(layout, firstEntry, firstExtra, firstChange)

    if why then
      for lock in string.gmatch(locks, '%d+') do refusedLocks[lock] = true end
      results[#results + 1] = '!' .. string.gsub(why, '[\r\n]', ' ')
    else
      for stream, more in pairs(wanted or {}) do room[stream] = room[stream] - more end
      results[#results + 1] = table.concat(ids, ' ', 1, idCount)
    end
    hasNews = hasNews or why ~= nil or idCount > 0
    for e = 1, #entries do
      local channel, id = channels[entries[e]], ARGV[firstEntry + e - 1]
      if why then
        channel.refused = channel.refused or {}
        channel.refused[#channel.refused + 1] = id
        unsettled[#unsettled + 1] = channel.stream .. '/' .. id
      else
        if layout.noted[e] and kind ~= 'b' then
          channel.settled = channel.settled or {}
          channel.settled[id] = true
        end
        if layout.noted[e] or kind == 'p' or kind == 'b' then finished[#finished + 1] = { channel, id, kind } end
      end
    end
  end

  writeState()
  local function finish()
    for _, one in ipairs(finished) do
      local channel, id, kind = one[1], one[2], one[3]
      if kind == 'p' then redis.pcall('XCLAIM', channel.stream, group, 'parked', '0', id, 'FORCE', 'JUSTID')
      elseif kind == 'b' then redis.pcall('XCLAIM', channel.stream, group, member, '0', id, 'FORCE', 'JUSTID')
      else
        redis.pcall('HDEL', channel.attempts, id)
        redis.pcall('ZREM', channel.parked, id)
        redis.pcall('XACK', channel.stream, group, id)
      end
    end
    local evicted = {}
    for stream, cap in pairs(evicts) do
      local isDone, removed, unfinished = pcall(evict, KEYS[stream], cap)
      if isDone and removed > 0 then evicted[#evicted + 1] = string.format('%d %d %d', stream, removed, unfinished) end
    end
    return table.concat(evicted, '\n')
  end
  return { results = hasNews and table.concat(results, '\n') or '', unsettled = table.concat(unsettled, ' '), buried = buried, finish = finish }
end

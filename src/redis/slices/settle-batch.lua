#!lua flags=allow-oom
-- Settles a batch: outputs, state and position in one step, compared with the owner's row, and done once however often it is sent. Loaded
-- twice: as it is, for batches that only acknowledge, it works while memory is full; without this header the server refuses its first write
-- then. That comes after the number is compared: what was written before memory was full may not be answered as if it had not been.
--
-- KEYS[1]  row     KEYS[2]  the settlement log
-- then for each channel of the batch: its stream, its attempts, its parked set; then every other key that is touched, each once
-- ARGV     epoch, owner, group, number, how many numbers back a reply is remembered, how many channels;
--          one letter for each of the other keys: "o" a stream that is appended to, "h" a hash;
--          "" or "<place in KEYS>:<hard cap>" for each stream that has one, separated by spaces; below 0 it evicts when it is full;
--          "1" where the batch has more to write than the position; "1" where the settlement log is kept; what to note in it: the calls;
--          then for each channel: its name, position, entries up to there or "", open ids separated by spaces, the newest id in the batch or
--          "", ids that are buried as gone separated by spaces, how many ids, ids of entries that are acknowledged and nothing else, and may be
--          counted or pending;
--          then each settlement that can be refused by itself: its layout, and the values that the layout names, in its order
-- layout   "<kind>/<entries>/<changes>/<outputs>", each of the last three a list separated by commas:
--            kind       "a" acked, "p" parked, "b" blocked, "d" buried; "+" after it where it has locks
--            an entry   "<place of its channel from 1>", with a "." where it may be counted or pending    value: entry id
--            a change   "<place in KEYS of the hash>"                               values: field, JSON, or "" to delete
--            an output  "<place in KEYS of the stream>:<columns>"                   values: those of the wire format (entries.lua)
--          values in this order: the locks, numbers separated by commas; entry ids; of "p" and "b" the attempt and the delay in ms; of
--          "d" the place in KEYS of the dead-letter stream, error code, error text, attempts, traceparent of the failing span; changes; outputs
-- Reply    {"fenced", row}, {"ahead", last number}, {"regressed"}; "" where all is settled and there is nothing to tell; else {"settled", who
--          wants the slice, results, evictions}
-- results  lines: channels whose group was made again, separated by spaces; then nothing more where all is settled and has no ids, or a line
--          for each of those settlements: its ids, or "!" and why it is refused. "" where no line says anything
-- evictions: "<place in KEYS> <entries removed> <of them not finished by some group>" for each stream that evicted, in lines of their own
--
-- Order matters. Redis does not roll back, so: what may refuse the batch is asked before anything is written; each settlement is undone by
-- hand if one of its writes is refused in the middle; the row comes after the effects; and what only people see comes last, where a refusal
-- changes nothing any more. The group is moved before all that, as the question whether that is allowed: it follows the row.
local ARGV, KEYS, redis = ARGV, KEYS, redis -- globals are looked up by name each time
local epoch, owner, group, number, ring, channelCount = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local letters, caps, hasEffects, keepsLog, calls = ARGV[7], ARGV[8], ARGV[9] == '1', ARGV[10] == '1', ARGV[11]
local rowKey, logKey, firstOther = KEYS[1], KEYS[2], 3 + 3 * channelCount

local channels, i = {}, 12
local rowFields = { 'HMGET', rowKey, 'epoch', 'owner', 'beat', 'seq', 'wanted', 'deaths' }
for c = 1, channelCount do
  local count = math.min(tonumber(ARGV[i + 6]), #ARGV) -- whoever may run any script may send any arguments
  local name = ARGV[i]
  channels[c] = {
    name = name, at = ARGV[i + 1], read = ARGV[i + 2], open = ARGV[i + 3], newest = ARGV[i + 4], gone = ARGV[i + 5], noted = i + 7, notedCount = count,
    stream = KEYS[3 * c], attempts = KEYS[3 * c + 1], parked = KEYS[3 * c + 2], refused = {}, settled = {}, finished = {},
  }
  rowFields[2 * c + 7], rowFields[2 * c + 8] = 'at:' .. name, 'open:' .. name
  i = i + 7 + count
end

local row = redis.call(unpack(rowFields))
if not row[1] then row = nil end
if not isHeldBy(row, epoch, owner) then return { 'fenced', shown(row) } end
local seq = tonumber(row[4] or 0)
local slot = 'reply:' .. number % ring
local function replyOf(results, evictions)
  local wanted = row[5] or ''
  if results == '' and evictions == '' and wanted == '' then return '' end
  return { 'settled', wanted, results, evictions }
end
if number <= seq then
  if number <= seq - ring then return { 'fenced', shown(row) } end
  -- A write of this connection, which a WAIT after it then covers; the group's place is written also where memory is full.
  if errorIn(redis.pcall('HINCRBY', rowKey, 'beat', 1)) and channels[1] then
    pcall(place, channels[1].stream, group, row[7] or '0-0', redis.call('HGET', rowKey, 'read:' .. channels[1].name) or '')
  end
  local noted, results = string.match(redis.call('HGET', rowKey, slot) or '', '^(%d+)\n(.*)$')
  return replyOf(noted == ARGV[4] and results or '', '')
end
if number > seq + 1 then return { 'ahead', digits(seq) } end
if hasEffects then redis.call('HSET', rowKey, 'beat', row[3] or '0') end -- writes nothing new; only asks

-- Not there although nobody has removed it: the server has gone back.
local function isVanished(stream, id)
  if #redis.call('XRANGE', stream, id, id) > 0 then return false end
  local facts = factsOf(stream)
  if not facts or isBefore(facts['last-generated-id'], id) then return true end
  local first = facts['first-entry']
  return first and isBefore(first[1], id) and isBefore(facts['max-deleted-entry-id'], id)
end

for _, channel in ipairs(channels) do
  if channel.newest ~= '' and isVanished(channel.stream, channel.newest) then return { 'regressed' } end
  -- A failover brings back what was removed before it.
  for id in string.gmatch(channel.gone, '[%d-]+') do
    if #redis.call('XRANGE', channel.stream, id, id) > 0 then return { 'regressed' } end
  end
end

-- What may refuse the batch as a whole.
for _, channel in ipairs(channels) do
  -- These acknowledge and delete nothing; they only ask. Where there is one channel and nothing else to write its group's move asks.
  local isNoted = hasEffects or channel.notedCount > 0
  local wrong = (isNoted or channelCount > 1) and errorIn(redis.pcall('XACK', channel.stream, group, '0-0'))
  if isNoted then
    wrong = wrong or wrongType(channel.attempts, 'hash') or wrongType(channel.parked, 'zset')
      or errorIn(redis.pcall('HDEL', channel.attempts, '0-0'))
  end
  if wrong then return wrong end
end
if keepsLog then
  local wrong = wrongType(logKey, 'stream')
  if wrong then return wrong end
end

local member = string.match(owner, '^[^/]*')
local remade = {}
for c, channel in ipairs(channels) do
  channel.atBefore, channel.openBefore = row[2 * c + 5], row[2 * c + 6] or ''
  if not place(channel.stream, group, channel.at, channel.read) then
    makeGroup(channel.stream, group, member, channel.at, channel.read)
    showNoted(channel.stream, group, member, channel.attempts, channel.parked)
    remade[#remade + 1] = channel.name
  end
end

local results, resultCount, hasNews = {}, 0, false
local evicts, unsettled, buried = {}, {}, {}

if hasEffects then
  local now = nowMs()

  local bad = {}
  for k = firstOther, #KEYS do
    local wanted = string.sub(letters, k - firstOther + 1, k - firstOther + 1) == 'h' and 'hash' or 'stream'
    local reply = redis.pcall('TYPE', KEYS[k]) -- refused where the user may not touch this one
    if reply.err then bad[k] = KEYS[k] .. ': ' .. reply.err
    elseif reply.ok ~= wanted and reply.ok ~= 'none' then bad[k] = KEYS[k] .. ' is a ' .. reply.ok .. ', not a ' .. wanted end
  end

  -- What is left of each hard cap that rejects; nil without one.
  local room = {}
  for k, cap in string.gmatch(caps, '(%d+):(-?%d+)') do
    k, cap = tonumber(k), tonumber(cap)
    if cap < 0 then
      if not bad[k] then evicts[k] = -cap end
    elseif not bad[k] then
      room[k] = cap - redis.call('XLEN', KEYS[k])
    end
  end
  local hasRoom = next(room) ~= nil

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

  local layouts = {}
  local function layoutOf(text)
    local known = layouts[text]
    if known then return known end
    local kind, locks, entries, changes, outputs = string.match(text, '^(%a)(%+?)/([^/]*)/([^/]*)/([^/]*)$')
    known = { kind = kind, hasLocks = locks ~= '', channels = {}, noted = {}, changes = {}, outputs = {}, calls = {}, widths = {}, width = 0 }
    for channel, dot in string.gmatch(entries, '(%d+)(%.?)') do
      known.channels[#known.channels + 1] = tonumber(channel)
      known.noted[#known.channels] = dot ~= ''
    end
    for hash in string.gmatch(changes, '%d+') do
      hash = tonumber(hash)
      known.why = known.why or bad[hash]
      known.changes[#known.changes + 1] = hash
    end
    for stream, given in string.gmatch(outputs, '(%d+):(%a+)') do
      stream = tonumber(stream)
      known.why = known.why or bad[stream]
      known.outputs[#known.outputs + 1] = stream
      known.calls[#known.outputs] = entryOf(KEYS[stream], given)
      known.widths[#known.outputs] = #given
      known.width = known.width + #given
    end
    layouts[text] = known
    return known
  end

  local function failed(reply)
    return type(reply) == 'table' and reply.err or nil
  end

  -- Undoes what is noted in `undo`, the last first.
  local undo, undoCount = {}, 0
  local function takeBack()
    for u = undoCount, 1, -1 do redis.call(unpack(undo[u])) end
  end
  local function write(before, ...)
    local why = failed(redis.pcall(...))
    if not why then
      undoCount = undoCount + 1
      undo[undoCount] = before
    end
    return why
  end

  local function setRecord(channel, id, record)
    local before = redis.call('HGET', channel.attempts, id)
    return write(before and { 'HSET', channel.attempts, id, before } or { 'HDEL', channel.attempts, id }, 'HSET', channel.attempts, id, record)
  end

  -- Why the retry of an entry cannot be noted; nil where it is.
  local function retry(channel, id, kind, attempt, delayMs)
    local _, _, firstAt = attemptsIn(redis.call('HGET', channel.attempts, id))
    local due = digits(now + tonumber(delayMs))
    local record = attempt .. ':0:' .. (firstAt or digits(now))
    local before = redis.call('ZSCORE', channel.parked, id)
    local undone = before and { 'ZADD', channel.parked, before, id } or { 'ZREM', channel.parked, id }
    if kind == 'p' then return setRecord(channel, id, record) or write(undone, 'ZADD', channel.parked, due, id) end
    return setRecord(channel, id, record .. ':' .. due) or write(undone, 'ZREM', channel.parked, id)
  end

  -- Writes a dead letter: the fields as they were, then why it died. Its id, "" where the entry is gone; or nil and why it cannot be written.
  local function bury(channel, id, at)
    local entry = redis.call('XRANGE', channel.stream, id, id)[1]
    if not entry then return '' end
    local dead = tonumber(ARGV[at])
    if bad[dead] then return nil, bad[dead] end
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
    local why = failed(letterId)
    if why then return nil, why end
    buried[#buried + 1] = channel.name .. ' ' .. id
    return letterId
  end

  local refusedLocks = {}
  local ids = {} -- of one settlement after the other, as many as are counted: a table for each would cost more than what is in it
  local count = #ARGV
  while i <= count do
    local layout = layoutOf(ARGV[i])
    local kind, entries, changes, outputs = layout.kind, layout.channels, layout.changes, layout.outputs
    local locks = layout.hasLocks and ARGV[i + 1] or ''
    local firstEntry = i + (layout.hasLocks and 2 or 1)
    local firstExtra = firstEntry + #entries
    local firstChange = firstExtra + ((kind == 'p' or kind == 'b') and 2 or kind == 'd' and 5 or 0)
    local firstOutput = firstChange + 2 * #changes
    i = firstOutput + layout.width

    local why = layout.why
    for lock in string.gmatch(locks, '%d+') do
      if refusedLocks[lock] then why = 'it comes after one that was refused' end
    end
    local wanted
    if hasRoom and not why then wanted, why = wantedOf(outputs) end

    local idCount = 0
    undoCount = 0
    if not why then
      local at = firstOutput
      for o = 1, #outputs do
        local id = appendEntry(layout.calls[o], ARGV, at, layout.widths[o])
        why = failed(id)
        if why then break end
        ids[o] = id
        idCount = o
        at = at + layout.widths[o]
      end
      for c = 1, why and 0 or #changes do
        local hash, field, json = KEYS[changes[c]], ARGV[firstChange + 2 * c - 2], ARGV[firstChange + 2 * c - 1]
        local before = redis.call('HGET', hash, field)
        local undone = before and { 'HSET', hash, field, before } or { 'HDEL', hash, field }
        if json == '' then why = write(undone, 'HDEL', hash, field) else why = write(undone, 'HSET', hash, field, json) end
        if why then break end
      end
      if kind == 'p' or kind == 'b' then
        for e = 1, why and 0 or #entries do
          why = retry(channels[entries[e]], ARGV[firstEntry + e - 1], kind, ARGV[firstExtra], ARGV[firstExtra + 1])
          if why then break end
        end
      elseif kind == 'd' and not why then
        local letterId
        letterId, why = bury(channels[entries[1]], ARGV[firstEntry], firstExtra)
        if letterId and letterId ~= '' then
          ids[1] = letterId
          idCount = 1
        end
      end
    end

    resultCount = resultCount + 1
    if why then
      takeBack()
      for o = idCount, 1, -1 do withdraw(KEYS[outputs[o]], ids[o]) end
      for e = 1, #entries do
        local channel = channels[entries[e]]
        channel.refused[#channel.refused + 1] = ARGV[firstEntry + e - 1]
        unsettled[#unsettled + 1] = channel.stream .. '/' .. ARGV[firstEntry + e - 1]
      end
      for lock in string.gmatch(locks, '%d+') do refusedLocks[lock] = true end
      results[resultCount] = '!' .. string.gsub(why, '[\r\n]', ' ')
      hasNews = true
    else
      if hasRoom then
        for stream, more in pairs(wanted) do room[stream] = room[stream] - more end
      end
      for e = 1, #entries do
        local channel, id = channels[entries[e]], ARGV[firstEntry + e - 1]
        if kind == 'p' then redis.pcall('XCLAIM', channel.stream, group, 'parked', '0', id, 'FORCE', 'JUSTID')
        elseif kind == 'b' then redis.pcall('XCLAIM', channel.stream, group, member, '0', id, 'FORCE', 'JUSTID') end
        if layout.noted[e] and kind ~= 'b' then channel.settled[id] = true end
        if layout.noted[e] and kind ~= 'b' and kind ~= 'p' then channel.finished[#channel.finished + 1] = id end
      end
      results[resultCount] = table.concat(ids, ' ', 1, idCount)
      hasNews = hasNews or idCount > 0
    end
  end
end

for _, channel in ipairs(channels) do
  for n = channel.noted, channel.noted + channel.notedCount - 1 do
    channel.settled[ARGV[n]] = true
    channel.finished[#channel.finished + 1] = ARGV[n]
  end
end

-- The owner's open ids, and those that were refused, now or before: the next batch was made before its owner could know of it.
local function openOf(channel)
  if #channel.refused == 0 and not string.find(channel.openBefore, '!', 1, true) then return channel.open end
  local isRefused, ids = {}, {}
  for id in string.gmatch(channel.openBefore, '!([%d-]+)') do isRefused[id] = not channel.settled[id] or nil end
  for _, id in ipairs(channel.refused) do isRefused[id] = true end
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

-- The oldest that the row names as unfinished, or where the unread begins.
local function floorIn(at, open)
  return string.match(open, '[%d-]+') or at
end

local news = {}
if #remade > 0 or hasNews then news[1] = table.concat(remade, ' ') end
if hasNews then news[2] = table.concat(results, '\n') end
local told = table.concat(news, '\n')

local update = { 'HSET', rowKey, 'beat', digits((row[3] or 0) + 1), 'seq', ARGV[4] }
local hasMoved = false
for _, channel in ipairs(channels) do
  local open = openOf(channel)
  hasMoved = hasMoved or floorIn(channel.at, open) ~= floorIn(channel.atBefore, channel.openBefore)
  local n = #update
  update[n + 1], update[n + 2], update[n + 3], update[n + 4] = 'at:' .. channel.name, channel.at, 'read:' .. channel.name, channel.read
  if open ~= channel.openBefore then update[n + 5], update[n + 6] = 'open:' .. channel.name, open end
end
if hasMoved and row[6] ~= '0' then
  update[#update + 1] = 'deaths'
  update[#update + 1] = '0'
end
if told ~= '' then
  update[#update + 1] = slot
  update[#update + 1] = ARGV[4] .. '\n' .. told
end
redis.call(unpack(update))

-- From here on all is done: what is refused now may not make it look undone, or it would be done again.
for _, channel in ipairs(channels) do
  for _, id in ipairs(channel.finished) do
    redis.pcall('HDEL', channel.attempts, id)
    redis.pcall('ZREM', channel.parked, id)
    redis.pcall('XACK', channel.stream, group, id)
  end
end
if keepsLog and calls ~= '' then
  if #unsettled == 0 then redis.pcall('XADD', logKey, '*', 'calls', calls)
  else redis.pcall('XADD', logKey, '*', 'calls', calls, 'without', table.concat(unsettled, ' ')) end
end
for _, letter in ipairs(keepsLog and buried or {}) do redis.pcall('XADD', logKey, '*', 'buried', letter) end
local evicted = {}
for stream, cap in pairs(evicts) do
  local isDone, removed, unfinished = pcall(evict, KEYS[stream], cap)
  if isDone and removed > 0 then evicted[#evicted + 1] = string.format('%d %d %d', stream, removed, unfinished) end
end
return replyOf(told, table.concat(evicted, '\n'))

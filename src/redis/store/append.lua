#!lua
-- Appends a batch of entries, once, however often it is sent.
--
-- KEYS[1]        numbers: hash, ring slot -> "<number>\n<reply>"; belongs to one producer session
-- KEYS[2..S+1]   the streams; then one key for each entry with a dedupe window, in the order of the entries
-- ARGV           how many numbers back the calls are that must have run before and that was answered last (numbers.lua), number, ring size, numbers' time to live in ms, S, "1" for all-or-nothing,
--                "" or "<stream>:<hard cap>" for each stream that has one, separated by spaces; below 0 it evicts when it is full,
--                columns: one letter for each value that is given with every entry, in their order: "s" stream 1..S, the first one
--                without it; "w" dedupe window in ms or "0", none without it; then the wire format's "i" id, "t" time, "k" key,
--                "p" payload, "T" traceparent, "S" tracestate, "B" baggage, "V" version, "D" due, "C" causes, "Y" stories: without one the entries do not have the field;
--                then the values, entry by entry
-- Reply          one line an entry: its entry id, "=" and that of the first where its window has the event id already, or "!" and why
--                its stream refuses it; then one for each stream that evicted:
--                "~<stream> <entries removed> <of them not finished by some group>"; and "^" where the server has lost what it had answered before
--
-- Order matters: the number is looked at before anything is appended and noted after all is, in one atomic step. Types are
-- checked first, because Redis does not roll back; what a permission refuses in the middle is taken back by hand where it is
-- all or nothing. The header refuses the whole script when memory is full.
local ARGV, KEYS, redis = ARGV, KEYS, redis -- globals are looked up by name each time
local places, number, ring, ttl, streams, atomic = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1'
streams = math.min(streams, #KEYS - 1) -- a producer may send any arguments, and not have the server count to them
local caps, columns, firstEntry = ARGV[7], ARGV[8], 9
local width = #columns
local function column(letter)
  local at = string.find(columns, letter, 1, true)
  return at and at - 1 -- from an entry's first value
end
local stream, window, id = column('s'), column('w'), column('i')
local fields = width - id
local calls = {}
for s = 1, streams do calls[s] = entryOf(KEYS[s + 1], string.sub(columns, id + 1)) end

local answered = answerOf(KEYS[1], number, places, ring, ttl)
if answered then return answered end
local wentBack = hasGoneBack(KEYS[1], number, places, ring)

local refused = {}
local anyRefused = false
for s = 1, streams do
  local reply = redis.pcall('TYPE', KEYS[s + 1]) -- refused where the user may not publish to this one
  local kind = reply.ok
  if kind ~= 'stream' and kind ~= 'none' then
    refused[s] = '!' .. KEYS[s + 1] .. (kind and ' is a ' .. kind .. ', not a stream' or ': ' .. string.gsub(reply.err, '[\r\n]', ' '))
    anyRefused = true
  end
end

-- What is left of each hard cap that rejects; nil without one.
local room, evicts = {}, {}
if caps ~= '' then
  for s, cap in string.gmatch(caps, '(%d+):(-?%d+)') do
    s, cap = tonumber(s), tonumber(cap)
    if cap < 0 then
      evicts[s] = -cap
    elseif not refused[s] then
      room[s] = cap - redis.call('XLEN', KEYS[s + 1])
    end
  end
  if atomic then
    local wanted, at = {}, streams + 1
    for i = firstEntry, #ARGV, width do
      local s = stream and tonumber(ARGV[i + stream]) or 1
      local isNew = true
      if window and ARGV[i + window] ~= '0' then
        at = at + 1
        isNew = redis.call('EXISTS', KEYS[at]) == 0
      end
      if isNew then wanted[s] = (wanted[s] or 0) + 1 end
    end
    for s, count in pairs(wanted) do
      if room[s] and room[s] < count then
        refused[s] = '!' .. KEYS[s + 1] .. ' is full: ' .. room[s] .. ' more entries fit under its hard cap, not ' .. count
        anyRefused = true
      end
    end
  end
end

local ids = {}
local appended = {} -- filled where they may have to be withdrawn
local seenKey = streams + 1
local n = 0
for i = firstEntry, #ARGV, width do
  n = n + 1
  local s, windowMs = stream and tonumber(ARGV[i + stream]) or 1, window and ARGV[i + window] or '0'
  local seen = nil
  if windowMs ~= '0' then
    seenKey = seenKey + 1
    seen = KEYS[seenKey]
  end
  if refused[s] or (atomic and anyRefused) then
    ids[n] = refused[s] or '!another entry of the same publishAll was refused'
  else
    local known = seen and redis.call('GET', seen)
    if known then
      ids[n] = '=' .. known
    elseif room[s] and room[s] <= 0 then
      ids[n] = '!' .. KEYS[s + 1] .. ' is full: it has reached its hard cap'
      anyRefused = true
    else
      local entryId = appendEntry(calls[s], ARGV, i + id, fields)
      if type(entryId) == 'table' then
        ids[n] = '!' .. string.gsub(entryId.err or 'unknown error', '[\r\n]', ' ')
        anyRefused = true
      else
        ids[n] = entryId
        if room[s] then room[s] = room[s] - 1 end
        if atomic then appended[#appended + 1] = { KEYS[s + 1], entryId, seen } end
        if seen then redis.call('SET', seen, entryId, 'PX', windowMs) end
      end
    end
  end
end

if atomic and anyRefused then
  for a = 1, #appended do
    withdraw(appended[a][1], appended[a][2])
    if appended[a][3] then redis.call('DEL', appended[a][3]) end
  end
  for place = 1, #ids do
    if string.sub(ids[place], 1, 1) ~= '!' then ids[place] = '!another entry of the same publishAll was refused' end
  end
end

for s, cap in pairs(evicts) do
  if not refused[s] then
    local isDone, removed, unfinished = pcall(evict, KEYS[s + 1], cap) -- all is appended: what is refused now may not hide that
    if isDone and removed > 0 then ids[#ids + 1] = string.format('~%d %d %d', s, removed, unfinished) end
  end
end

if wentBack then ids[#ids + 1] = '^' end
local reply = table.concat(ids, '\n')
noteAnswer(KEYS[1], number, ring, ttl, reply)
return reply

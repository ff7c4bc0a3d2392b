#!lua
-- Settles: outputs, state and acknowledgement of each settlement in one step, fenced, once however often it is sent.
--
-- KEYS[1]  members: sorted set of the component     KEYS[2]  robbed: the entries taken from this member
-- KEYS[3]  numbers: hash, ring slot -> "<number>\n<reply>"; belongs to this member
-- KEYS[4..] every other key that is touched, each once
-- ARGV     group, member, number, ring size, numbers' time to live in ms,
--          one letter for each of KEYS[4..]: "o" a stream that is appended to, "s" one that is acknowledged on (may be both: "b"),
--          "h" a hash;
--          "" or "<place in KEYS>:<hard cap>" for each stream that has one, separated by spaces; below 0 it evicts when it is full;
--          then for each settlement:
--            deliveries D, then D x (stream, attempts hash or 0 where there is no record, entry id)
--            reads R,      then R x (hash, field, version seen or "")
--            writes W,     then W x (hash, field, "version json", or "" to delete)
--            outputs O,    then O x (stream, the eight values of the wire format)
--          (keys are given by their place in KEYS)
-- Reply    one line a settlement: "acked <output ids>", "fenced", "conflict", or "refused <why>"; then one for each stream that
--          evicted: "~<place in KEYS> <entries removed> <of them not finished by some group>"
--
-- Order matters. Redis does not roll back, so: types and the right to acknowledge are checked before anything is written;
-- each settlement is undone by hand if one of its writes is refused in the middle (a permission that was withdrawn); and
-- the acknowledgements come last. The header refuses the whole script when memory is full. Versions are compared in order,
-- so a settlement sees the writes of those before it. While the group of a stream is gone nothing is settled on it: its entries will be
-- delivered again. A stream that is gone itself takes nothing back, so what was delivered of it is settled.
local ARGV, KEYS, redis = ARGV, KEYS, redis -- globals are looked up by name each time
local group, member, number, ring, ttl, letters, caps = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]

local slot = tostring(tonumber(number) % ring)
local noted = redis.call('HGET', KEYS[3], slot)
if noted then
  local newline = string.find(noted, '\n', 1, true)
  local notedNumber = string.sub(noted, 1, newline - 1)
  if notedNumber == number then
    redis.call('PEXPIRE', KEYS[3], ttl) -- a write of this connection, which a WAIT after it then covers
    return string.sub(noted, newline + 1)
  end
  if tonumber(notedNumber) > tonumber(number) then
    return redis.error_reply('STALE settlement ' .. number .. ' was overtaken by ' .. notedNumber)
  end
end

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
local results = {}
local i = 8

local function failed(reply)
  return type(reply) == 'table' and reply.err or nil
end

while i <= #ARGV do
  local verdict = registered and 'acked' or 'fenced'
  local why = nil

  local deliveries = tonumber(ARGV[i])
  local firstDelivery = i + 1
  for d = 0, deliveries - 1 do
    local stream, id = tonumber(ARGV[firstDelivery + 3 * d]), ARGV[firstDelivery + 3 * d + 2]
    if robbed and redis.call('SISMEMBER', KEYS[2], KEYS[stream] .. '/' .. id) == 1 then verdict = 'fenced' end
    why = why or bad[stream]
  end
  i = firstDelivery + 3 * deliveries

  local reads = tonumber(ARGV[i])
  local firstRead = i + 1
  i = firstRead + 3 * reads

  local writes = tonumber(ARGV[i])
  local firstWrite = i + 1
  for w = 0, writes - 1 do why = why or bad[tonumber(ARGV[firstWrite + 3 * w])] end
  i = firstWrite + 3 * writes

  local outputs = tonumber(ARGV[i])
  local firstOutput = i + 1
  local wanted = {}
  for o = 0, outputs - 1 do
    local stream = tonumber(ARGV[firstOutput + 9 * o])
    why = why or bad[stream]
    if room[stream] then
      wanted[stream] = (wanted[stream] or 0) + 1
      if wanted[stream] > room[stream] then why = why or KEYS[stream] .. ' is full: the outputs do not fit under its hard cap' end
    end
  end
  i = firstOutput + 9 * outputs

  if verdict == 'acked' and not why then
    for r = 0, reads - 1 do
      local at = firstRead + 3 * r
      local hash = tonumber(ARGV[at])
      why = why or bad[hash]
      if not why then
        local value = redis.call('HGET', KEYS[hash], ARGV[at + 1])
        local version = value and string.match(value, '^(%S+) ') or ''
        if version ~= ARGV[at + 2] then verdict = 'conflict' end
      end
    end
  end

  if verdict == 'acked' and not why then
    local ids, undo = {}, {}
    for o = 0, outputs - 1 do
      local at = firstOutput + 9 * o
      local stream = KEYS[tonumber(ARGV[at])]
      local id = redis.pcall('XADD', stream, '*',
        'id', ARGV[at + 1], 'time', ARGV[at + 2], 'key', ARGV[at + 3], 'payload', ARGV[at + 4],
        'traceparent', ARGV[at + 5], 'tracestate', ARGV[at + 6], 'baggage', ARGV[at + 7], 'causes', ARGV[at + 8])
      why = failed(id)
      if why then break end
      ids[#ids + 1] = id
      undo[#undo + 1] = { stream, id }
    end
    if not why then
      for w = 0, writes - 1 do
        local at = firstWrite + 3 * w
        local hash, field, value = KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2]
        local before = redis.call('HGET', hash, field)
        local reply
        if value == '' then reply = redis.pcall('HDEL', hash, field) else reply = redis.pcall('HSET', hash, field, value) end
        why = failed(reply)
        if why then break end
        undo[#undo + 1] = before and { 'HSET', hash, field, before } or { 'HDEL', hash, field }
      end
    end
    if why then
      for u = #undo, 1, -1 do
        if #undo[u] == 2 then withdraw(undo[u][1], undo[u][2]) else redis.call(unpack(undo[u])) end
      end
    else
      for stream, count in pairs(wanted) do room[stream] = room[stream] - count end
      for d = 0, deliveries - 1 do
        local stream, record, id = tonumber(ARGV[firstDelivery + 3 * d]), tonumber(ARGV[firstDelivery + 3 * d + 1]), ARGV[firstDelivery + 3 * d + 2]
        if not acks[stream] then
          acks[stream] = {}
          acked[#acked + 1] = stream
        end
        local list = acks[stream]
        list[#list + 1] = id
        if record > 0 then records[#records + 1] = { record, id } end
      end
      verdict = 'acked ' .. table.concat(ids, ' ')
    end
  end
  if why and verdict ~= 'fenced' then verdict = 'refused ' .. string.gsub(why, '[\r\n]', ' ') end
  results[#results + 1] = verdict
end

for a = 1, #acked do
  local list = acks[acked[a]]
  for first = 1, #list, 1000 do
    redis.call('XACK', KEYS[acked[a]], group, unpack(list, first, math.min(first + 999, #list)))
  end
end

-- From here on all is done: what is refused now may not make it look undone, or it would be done again.
for r = 1, #records do redis.pcall('HDEL', KEYS[records[r][1]], records[r][2]) end
for stream, cap in pairs(evicts) do
  if not bad[stream] then
    local isDone, removed, unfinished = pcall(evict, KEYS[stream], cap)
    if isDone and removed > 0 then results[#results + 1] = string.format('~%d %d %d', stream, removed, unfinished) end
  end
end

local reply = table.concat(results, '\n')
redis.pcall('HSET', KEYS[3], slot, number .. '\n' .. reply)
redis.pcall('PEXPIRE', KEYS[3], ttl)
return reply

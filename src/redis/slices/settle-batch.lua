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
--          "1" where the batch has more to write than positions; "1" where the settlement log is kept; what to note in it: the calls,
--          how each was run, runs that failed, and who the owner is; each "" where there is nothing to note;
--          then for each channel: its name, position, entries up to there or "", open ids separated by spaces, the newest id in the batch or
--          "", ids that are buried as gone separated by spaces, how many ids, ids of entries that are acknowledged and nothing else, and may be
--          counted or pending;
--          then each settlement that can be refused by itself (effects.lua)
-- Reply    {"fenced", row}, {"ahead", last number}, {"regressed"}; "" where all is settled and there is nothing to tell; else {"settled", who
--          wants the slice, results, evictions}
-- results  lines: channels whose group was made again, separated by spaces; then nothing more where all is settled and has no ids, or a line
--          for each of those settlements: its ids, or "!" and why it is refused. "" where no line says anything
-- evictions: "<place in KEYS> <entries removed> <of them not finished by some group>" for each stream that evicted, in lines of their own
--
-- Order matters. Redis does not roll back, so: what may refuse the batch is asked before anything is written; the row comes after the effects;
-- and what only people see comes last, where a refusal changes nothing any more. The group is moved before all that, as the question whether
-- that is allowed: it follows the row.
local ARGV, KEYS, redis = ARGV, KEYS, redis -- globals are looked up by name each time
local number, ring, channelCount, hasEffects, keepsLog = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[9] == '1', ARGV[10] == '1'
local group, rowKey, logKey = ARGV[3], KEYS[1], KEYS[2]

local channels, arg = {}, 15
local fields = { 'HMGET', rowKey, 'epoch', 'owner', 'seq', 'wanted', 'beat' }
for c = 1, channelCount do
  local count = math.min(tonumber(ARGV[arg + 6]), #ARGV) -- whoever may run any script may send any arguments
  local name = ARGV[arg]
  channels[c] = {
    name = name, at = ARGV[arg + 1], read = ARGV[arg + 2], open = ARGV[arg + 3], newest = ARGV[arg + 4], gone = ARGV[arg + 5],
    stream = KEYS[3 * c], attempts = KEYS[3 * c + 1], parked = KEYS[3 * c + 2], firstNoted = arg + 7, noted = count,
  }
  fields[2 * c + 6], fields[2 * c + 7] = 'at:' .. name, 'open:' .. name
  arg = arg + 7 + count
end

local row = redis.call(unpack(fields))
if not row[1] then row = nil end
if not isHeldBy(row, ARGV[1], ARGV[2]) then return { 'fenced', shown(row) } end
local seq = tonumber(row[3] or 0)
local slot = 'reply:' .. number % ring
local function replyOf(results, evictions)
  local wanted = row[4] or ''
  if results == '' and evictions == '' and wanted == '' then return '' end
  return { 'settled', wanted, results, evictions }
end
if number <= seq then
  if number <= seq - ring then return { 'fenced', shown(row) } end
  -- A write of this connection, which a WAIT after it then covers; the group's place is written also where memory is full.
  if errorIn(redis.pcall('HINCRBY', rowKey, 'beat', 1)) and channels[1] then pcall(library().rewrite, channels[1].stream, group) end
  local noted, results = string.match(redis.call('HGET', rowKey, slot) or '', '^(%d+)\n(.*)$')
  return replyOf(noted == ARGV[4] and results or '', '')
end
if number > seq + 1 then return { 'ahead', digits(seq) } end
if hasEffects then redis.call('HSET', rowKey, 'seq', row[3] or '0') end -- writes nothing new; only asks

for c = 1, channelCount do
  local channel = channels[c]
  local stream, newest = channel.stream, channel.newest
  if newest ~= '' and #redis.call('XRANGE', stream, newest, newest) == 0 and library().isVanished(stream, newest) then return { 'regressed' } end
  -- A failover brings back what was removed before it.
  for id in string.gmatch(channel.gone, '[%d-]+') do
    if #redis.call('XRANGE', stream, id, id) > 0 then return { 'regressed' } end
  end
end

-- What may refuse the batch as a whole.
for c = 1, channelCount do
  local channel = channels[c]
  -- These acknowledge and delete nothing; they only ask. Where there is one channel and nothing else to write its group's move asks.
  local isNoted = hasEffects or channel.noted > 0
  local wrong = (isNoted or channelCount > 1) and errorIn(redis.pcall('XACK', channel.stream, group, '0-0'))
  if isNoted then
    wrong = wrong or wrongType(channel.attempts, 'hash') or wrongType(channel.parked, 'zset')
      or errorIn(redis.pcall('HDEL', channel.attempts, '0-0'))
  end
  if wrong then return wrong end
end
local wrong = keepsLog and wrongType(logKey, 'stream')
if wrong then return wrong end

local remade = ''
for c = 1, channelCount do
  local channel = channels[c]
  local reply
  if channel.read == '' then reply = redis.pcall('XGROUP', 'SETID', channel.stream, group, channel.at)
  else reply = redis.pcall('XGROUP', 'SETID', channel.stream, group, channel.at, 'ENTRIESREAD', channel.read) end
  if reply.err then
    if not library().isGone(reply) then return reply end
    library().remake(channel.stream, group, string.match(ARGV[2], '^[^/]*'), channel.at, channel.read, channel.attempts, channel.parked)
    remade = remade .. (remade == '' and '' or ' ') .. channel.name
  end
end

local effects = hasEffects and library().settleEffects(channels, arg) or nil
local results = effects and effects.results or ''
if results ~= '' then results = remade .. '\n' .. results else results = remade end

local update = { 'HSET', rowKey, 'seq', ARGV[4] }
for c = 1, channelCount do
  local channel = channels[c]
  local before, open = row[2 * c + 5] or '', channel.open
  if channel.refused or string.find(before, '!', 1, true) then open = library().openWith(channel, before) end
  local n = #update
  update[n + 1], update[n + 2] = 'at:' .. channel.name, channel.at
  if open ~= before then update[n + 3], update[n + 4] = 'open:' .. channel.name, open end
end
if results ~= '' then
  update[#update + 1] = slot
  update[#update + 1] = ARGV[4] .. '\n' .. results
end
redis.call(unpack(update))

-- From here on all is done: what is refused now may not make it look undone, or it would be done again.
for c = 1, channelCount do
  local channel = channels[c]
  for n = channel.firstNoted, channel.firstNoted + channel.noted - 1 do
    redis.pcall('HDEL', channel.attempts, ARGV[n])
    redis.pcall('ZREM', channel.parked, ARGV[n])
    redis.pcall('XACK', channel.stream, group, ARGV[n])
  end
end
-- A dead letter is the first in its batch (Settling.settle): so it is in the log, which a replay goes by.
local buried = keepsLog and effects and effects.buried or {}
for b = 1, #buried do redis.pcall('XADD', logKey, '*', 'buried', buried[b]) end
if keepsLog and (ARGV[11] ~= '' or ARGV[13] ~= '') then
  local note = { 'XADD', logKey, '*' }
  local function add(name, value)
    if value ~= '' then note[#note + 1], note[#note + 2] = name, value end
  end
  add('calls', ARGV[11])
  if ARGV[11] ~= '' and effects then add('without', effects.unsettled) end
  add('runs', ARGV[12])
  add('failed', ARGV[13])
  add('owner', ARGV[14])
  redis.pcall(unpack(note))
end
return replyOf(results, effects and effects.finish() or '')

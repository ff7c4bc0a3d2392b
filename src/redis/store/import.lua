#!lua
-- Appends entries exactly as they are given, once, however often it is sent.
--
-- KEYS[1]        numbers: hash, ring slot -> "<number>\n<reply>"; belongs to one producer session
-- KEYS[2..]      the streams
-- ARGV           how many numbers back the calls are that must have run before and that was answered last (numbers.lua), number, ring size, numbers' time to live in ms; then for each entry: its stream 1.., "t" or "x", how many names and values
--                there are, and these in turn; with "x" they are hexadecimal, as the bytes they stand for are no text
-- Reply          an entry id each, in a line of its own
--
-- Order matters: the number is looked at before anything is appended and noted after all is, in one atomic step. Types are checked first,
-- because Redis does not roll back. The header refuses the whole script when memory is full.
local ARGV, KEYS, redis = ARGV, KEYS, redis
local places, number, ring, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

local answered = answerOf(KEYS[1], number, places, ring, ttl)
if answered then return answered end
for s = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[s]).ok
  if kind ~= 'stream' and kind ~= 'none' then return redis.error_reply('WRONGTYPE ' .. KEYS[s] .. ' is a ' .. kind .. ', not a stream') end
end

local function fromHex(text)
  return (string.gsub(text, '..', function(digits) return string.char(tonumber(digits, 16)) end))
end

local ids = {}
local i = 5
while i <= #ARGV do
  local stream, form, count = KEYS[tonumber(ARGV[i]) + 1], ARGV[i + 1], tonumber(ARGV[i + 2])
  i = i + 3
  if form == 'x' then
    for f = i, i + count - 1 do ARGV[f] = fromHex(ARGV[f]) end
  end
  ids[#ids + 1] = redis.call('XADD', stream, '*', unpack(ARGV, i, i + count - 1))
  i = i + count
end
local reply = table.concat(ids, '\n')
noteAnswer(KEYS[1], number, ring, ttl, reply)
return reply

-- Put before the scripts that read or write the row of a slice (scripts.ts).
--
-- The row is a hash: `epoch`, `owner` ("<member>/<token>", or empty), `seq` (number of the owner's last batch), `wanted`, `beat` (its sum with
-- `seq` grows with every sign of life); for each channel `at:<channel>` and `open:<channel>` (ids separated by spaces, "!" before one that was
-- refused); `moved:<partition>` (moved.lua); `deaths` and `floors` (acquire.lua); and `reply:0`, `reply:1`, … with the last replies that say more than that all is settled.

-- Epoch, owner, seq, wanted and beat; nil where there is no row.
local function rowOf(key)
  local row = redis.call('HMGET', key, 'epoch', 'owner', 'seq', 'wanted', 'beat')
  return row[1] and row or nil
end

local function isHeldBy(row, epoch, owner)
  return row ~= nil and row[1] == epoch and row[2] == owner
end

-- A number as it is written: Lua would write a great one with an exponent.
local function digits(number)
  return string.format('%.0f', number)
end

-- What a watcher compares to see whether the owner lives.
local function beatOf(row)
  return digits((row[5] or 0) + (row[3] or 0))
end

-- The row as a reply shows it: epoch, owner, beat, seq, wanted; {} where there is none.
local function shown(row)
  if not row then return {} end
  return { row[1], row[2] or '', beatOf(row), row[3] or '0', row[4] or '' }
end

-- Epoch ms by this server's clock.
local function nowMs()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The error in the reply of a command that was allowed to fail.
local function errorIn(reply)
  return type(reply) == 'table' and reply.err and reply or nil
end

-- An error where the key holds something else.
local function wrongType(key, wanted)
  local kind = redis.call('TYPE', key).ok
  if kind == wanted or kind == 'none' then return nil end
  return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. kind .. ', not a ' .. wanted)
end

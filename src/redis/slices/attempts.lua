-- Put before the scripts that read or write the counts of attempts (scripts.ts).
--
-- The attempts are a hash, entry id -> "<attempts>:<starts since one last ended>:<when it first needed another, epoch ms>", and ":<due>" of
-- an entry that is retried while its key waits. What is parked is due when the sorted set of parked entries says.

-- Attempts, starts, first time, due time; as texts, the due time empty where there is none.
local function attemptsIn(record)
  local attempt, starts, firstAt, due = string.match(record or '', '^(%d+):(%d+):(%d+):?(%d*)$')
  if not attempt then return '0', '0', nil, '' end
  return attempt, starts, firstAt, due
end

-- In how many ms it is due.
local function dueIn(due, now)
  local ms = due ~= '' and tonumber(due) - now or 0
  return ms > 0 and digits(ms) or '0'
end

-- Put before the scripts that read which entries before the position are open (scripts.ts).

-- The text of a row's field `open:<channel>` has this id.
local function isIn(open, id)
  return open ~= nil and open ~= false and string.find(' ' .. string.gsub(open, '!', '') .. ' ', ' ' .. id .. ' ', 1, true) ~= nil
end

-- Something that the owner has not finished, by the row: it lies after the position, or is open. `isBefore`: groups.lua.
local function isUnfinished(at, open, id)
  return isBefore(at, id) or isIn(open, id)
end

-- Put before the scripts that append entries in the wire format (scripts.ts).

local fieldNames = {
  i = 'id', t = 'time', k = 'key', p = 'payload', T = 'traceparent', S = 'tracestate', B = 'baggage', V = 'version',
  D = 'due', C = 'causes', Y = 'stories',
  c = 'channel', l = 'cap', -- of an output in a relay, before the rest
}

-- The XADD of an entry of which these values are given, a letter each; the rest it does not have. One table for all entries of a kind.
local function entryOf(stream, letters)
  local call = { 'XADD', stream, '*' }
  for v = 1, #letters do
    call[2 + 2 * v] = fieldNames[string.sub(letters, v, v)]
    call[3 + 2 * v] = ''
  end
  return call
end

-- Appends an entry with the `width` values that begin at `at`. Its id, or a table with `err`.
local function appendEntry(call, values, at, width)
  for v = 1, width do call[3 + 2 * v] = values[at + v - 1] end
  return redis.pcall(unpack(call))
end

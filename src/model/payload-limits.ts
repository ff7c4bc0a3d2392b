/** The limits of a payload's JSON text: its bytes, its nesting, and no key that could change a prototype. */

/** Key names that could change an object's prototype in a later copy or merge. */
const forbiddenKey = /"(?:__proto__|constructor|prototype)"\s*:/;

/** What breaks a limit of the channel, as a sentence goes on; undefined where nothing does. */
export function payloadProblem(json: string, maxPayloadBytes: number, maxNesting: number): string | undefined {
  // The UTF-16 length bounds the UTF-8 length from both sides, so that most payloads need no second pass.
  if (
    json.length > maxPayloadBytes ||
    (json.length * 3 > maxPayloadBytes && Buffer.byteLength(json) > maxPayloadBytes)
  ) {
    return `it takes ${Buffer.byteLength(json)} bytes, more than ${maxPayloadBytes}`;
  }
  if (isNestedDeeper(json, maxNesting)) {
    return `it is nested deeper than ${maxNesting}`;
  }
  // An escaped key could spell a forbidden name, which only parsing reveals; both are rare.
  if (json.includes("\\u"))
    return hasForbiddenKey(json) ? "it has a key named __proto__, constructor or prototype" : undefined;
  // Few payloads contain either word, so most need no regular expression, which would stop at every string.
  if (json.includes("proto") || json.includes("constructor")) {
    return forbiddenKey.test(json) ? "it has a key named __proto__, constructor or prototype" : undefined;
  }
  return undefined;
}

function hasForbiddenKey(json: string): boolean {
  let found = false;
  try {
    JSON.parse(json, (key, value: unknown) => {
      if (key === "__proto__" || key === "constructor" || key === "prototype") found = true;
      return value;
    });
  } catch {
    return false; // no JSON at all: whoever parses it next says so
  }
  return found;
}

/** Tells whether objects and arrays are nested more than `maxNesting` levels deep. */
export function isNestedDeeper(json: string, maxNesting: number): boolean {
  return json.length > 2 * maxNesting && mayNestDeeper(json, maxNesting) && nestingOf(json) > maxNesting;
}

/** Counts opening brackets, which bound the depth: most payloads have fewer than `maxNesting` and need no scan. */
function mayNestDeeper(json: string, maxNesting: number): boolean {
  let brackets = 0;
  for (const bracket of ["{", "["]) {
    for (let at = json.indexOf(bracket); at >= 0; at = json.indexOf(bracket, at + 1)) {
      if (++brackets > maxNesting) return true;
    }
  }
  return false;
}

function nestingOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i);
    if (c === 0x22) i = endOfString(json, i);
    else if (c === 0x7b || c === 0x5b) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return deepest;
}

/** The index of the quotation mark that ends the string begun at `start`: the next one after an even number of backslashes. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (json.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return json.length;
}

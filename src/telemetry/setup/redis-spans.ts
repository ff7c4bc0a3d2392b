/** Makes spans of the user's own Redis calls, under ES modules too, and without any argument in them. */

import { createRequire } from "node:module";
import { IORedisInstrumentation } from "@opentelemetry/instrumentation-ioredis";

/**
 * Makes the instrumentation. It prints the command's name alone: arguments hold keys, payloads and baggage, and a
 * script's name is its SHA.
 */
export function redisInstrumentation(): IORedisInstrumentation {
  return new IORedisInstrumentation({ dbStatementSerializer: (command) => command });
}

/**
 * Patches ioredis. Instrumentations hook `require`, which ES modules do not pass through. But ioredis is CommonJS, so
 * that requiring it once patches the classes that modules import, before or after.
 */
export function patchRedisClient(): void {
  createRequire(import.meta.url)("ioredis");
}

/** A log for a run that a person watches: progress and summary show all that goes well. */

import type { Log } from "throughline";

/** Passes warnings and errors on; other lines become debug lines. */
export function quiet(log: Log): Log {
  return {
    debug: (fields, text) => log.debug(fields, text),
    info: (fields, text) => log.debug(fields, text),
    warn: (fields, text) => log.warn(fields, text),
    error: (fields, text) => log.error(fields, text),
  };
}

/** A log for a run that a person watches: what goes well is shown by the progress and the summary. */

import type { Log } from "throughline";

/** Passes warnings and errors on; the rest only as details. */
export function quiet(log: Log): Log {
  return {
    debug: (fields, text) => log.debug(fields, text),
    info: (fields, text) => log.debug(fields, text),
    warn: (fields, text) => log.warn(fields, text),
    error: (fields, text) => log.error(fields, text),
  };
}

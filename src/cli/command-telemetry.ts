/** Telemetry of the commands that publish or run handlers, if it is installed. */

import { ConfigError } from "../model/errors.ts";
import { readSettings } from "../telemetry/setup/settings.ts";
import { startTelemetry } from "../telemetry/setup/start-telemetry.ts";
import { surroundings } from "./surroundings.ts";

/**
 * Starts telemetry, if the peers of `throughline/telemetry` are installed. Their absence is reported only where the
 * environment asks for an export.
 */
export async function startCommandTelemetry(serviceName: string): Promise<AsyncDisposable> {
  try {
    return await startTelemetry({ serviceName });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (typeof readSettings(process.env) === "object") surroundings().stderr.write(`No telemetry: ${error.message}\n`);
    return { [Symbol.asyncDispose]: async () => undefined };
  }
}

/** The instrumentation scope of the backbone's spans and metrics: its name, its version, and the conventions that its names are of. */

import { readFileSync } from "node:fs";

export const scopeName = "throughline";

/** The version of the package. Its description lies two directories above, in a checkout and in a package. */
export const scopeVersion: string = versionOf();

/** The version of OpenTelemetry's conventions whose names the spans and metrics have. */
export const schemaUrl = "https://opentelemetry.io/schemas/1.45.0";

function versionOf(): string {
  try {
    const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    return String((JSON.parse(text) as { readonly version?: unknown }).version ?? "");
  } catch {
    return ""; // bundled: there is no description beside it
  }
}

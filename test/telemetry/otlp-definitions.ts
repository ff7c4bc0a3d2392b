/** OTLP's official .proto files, as an npm package of the OpenTelemetry project ships them. */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The directory that holds `opentelemetry/proto/…`. */
export const definitionsDir: string = join(
  dirname(createRequire(import.meta.url).resolve("otlp-definitions/package.json")),
  "build/protos",
);

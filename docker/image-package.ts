/**
 * Makes the image's package.json: trading's packages become dependencies, so that `npm install --omit=dev` installs
 * them in the versions of the lock file. In the published package they are optional peers, or absent.
 */

import { readFileSync, writeFileSync } from "node:fs";

const names: ReadonlySet<string> = new Set([
  // The console, whose page is bundled when it starts.
  "@dagrejs/dagre",
  "@hono/node-server",
  "esbuild",
  "hono",
  "preact",
  "uplot",
  "@grpc/grpc-js",
  "@opentelemetry/api",
  "@opentelemetry/context-async-hooks",
  "@opentelemetry/core",
  "@opentelemetry/exporter-metrics-otlp-grpc",
  "@opentelemetry/exporter-prometheus",
  "@opentelemetry/exporter-trace-otlp-grpc",
  "@opentelemetry/instrumentation-ioredis",
  "@opentelemetry/otlp-grpc-exporter-base",
  "@opentelemetry/otlp-transformer",
  "@opentelemetry/resources",
  "@opentelemetry/sdk-metrics",
  "@opentelemetry/sdk-node",
  "@opentelemetry/sdk-trace",
  "big.js",
  "csv-parse",
  "pino",
  "pino-pretty",
  "ws",
  "zod",
]);

interface Package {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const found = JSON.parse(readFileSync("package.json", "utf8")) as Package;
const development = Object.entries(found.devDependencies);
const made: Package = {
  ...found,
  dependencies: { ...found.dependencies, ...Object.fromEntries(development.filter(([name]) => names.has(name))) },
  devDependencies: Object.fromEntries(development.filter(([name]) => !names.has(name))),
};
const missing = [...names].filter((name) => !(name in made.dependencies));
if (missing.length > 0) throw new Error(`package.json has no ${missing.join(", ")}`);
writeFileSync("package.json", `${JSON.stringify(made, undefined, 2)}\n`);

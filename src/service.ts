/// <reference lib="esnext.disposable" preserve="true" />
/** `throughline/service`: any component as a process of its own, with options, signals, logs, health and a server that strangers may reach. */

import "./model/require-node.ts";

export { Option } from "./service/arguments.ts";
export { type BoundedServer, type BoundedServerOptions, createBoundedServer } from "./service/bounded-server.ts";
export { usageExitCode } from "./service/exit-code.ts";
export { type HealthOptions, type HealthServer, serveHealth } from "./service/health.ts";
export { createLineLog } from "./service/line-log.ts";
export { hostList, portNumber, positiveNumber, share, wholeNumber } from "./service/option-parsers.ts";
export { type ProcessContext, type ProcessDefinition, runProcess, type StartTelemetry } from "./service/process.ts";
export { stopSignal } from "./service/stop-signal.ts";

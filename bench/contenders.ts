/** Lists the contenders: name, module, and how much of their work is traced. */

import type { Contender } from "./contender.ts";

interface Entry {
  /** The name in tables. */
  readonly title: string;
  readonly module: string;
  readonly exported: string;
  /** The share of the traces that the contender's SDK keeps and exports; undefined: it runs without an SDK. */
  readonly sampled?: number;
}

export type ContenderName =
  | "ioredis"
  | "ioredis-cursor"
  | "node-redis"
  | "redis-benchmark"
  | "redis-benchmark-script"
  | "bullmq"
  | "bullmq-otel"
  | "bullmq-otel-100"
  | "throughline"
  | "throughline-1"
  | "throughline-100"
  | "ioredis-files"
  | "throughline-files"
  | "throughline-replay"
  | "throughline-replay-log";

const bullmqOtel = { module: "bullmq", exported: "tracedContender" } as const;
const throughline = { module: "throughline", exported: "contender" } as const;

export const contenders: Readonly<Record<ContenderName, Entry>> = {
  ioredis: { title: "bare ioredis", module: "ioredis", exported: "contender" },
  "ioredis-cursor": { title: "bare ioredis, by cursor", module: "ioredis-cursor", exported: "contender" },
  "node-redis": { title: "bare node-redis", module: "node-redis", exported: "contender" },
  "redis-benchmark": { title: "redis-benchmark", module: "redis-benchmark", exported: "contender" },
  "redis-benchmark-script": {
    title: "redis-benchmark, script",
    module: "redis-benchmark",
    exported: "scriptContender",
  },
  bullmq: { title: "BullMQ", module: "bullmq", exported: "contender" },
  "bullmq-otel": { title: "BullMQ + bullmq-otel, no SDK", ...bullmqOtel },
  "bullmq-otel-100": { title: "BullMQ + bullmq-otel, 100 %", ...bullmqOtel, sampled: 1 },
  throughline: { title: "Throughline, no SDK", ...throughline },
  "throughline-1": { title: "Throughline, 1 %", ...throughline, sampled: 0.01 },
  "throughline-100": { title: "Throughline, 100 %", ...throughline, sampled: 1 },
  "ioredis-files": { title: "bare ioredis, no file", module: "files", exported: "bareContender" },
  "throughline-files": { title: "Throughline", module: "files", exported: "contender" },
  "throughline-replay": { title: "replay of a recording", module: "replay", exported: "recordingContender" },
  "throughline-replay-log": { title: "replay of the log", module: "replay", exported: "logContender" },
};

/** Loads the contender itself into this process. */
export async function load(name: ContenderName): Promise<Contender> {
  const { module, exported } = contenders[name];
  return ((await import(`./contenders/${module}.ts`)) as Record<string, Contender>)[exported] as Contender;
}

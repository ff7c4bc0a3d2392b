/** Processes that a test scrapes as Prometheus does. */

import { eventually } from "../support/eventually.ts";
import { type StartedProcess, startProcess } from "../support/process.ts";
import { redisUrl } from "../support/redis.ts";
import { type Series, seriesOf } from "./exposition.ts";

export interface Worker {
  readonly process: StartedProcess;
  /** Scrapes until it tells what it should. */
  until(enough: (series: readonly Series[]) => boolean): Promise<readonly Series[]>;
}

/** Starts `fixtures/worker.ts`, and resolves when it is a member. `env`: what it is to do, and other servers than the run's. */
export async function startWorker(
  stack: AsyncDisposableStack,
  namespace: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Worker> {
  const own = { REDIS_URL: redisUrl(), NAMESPACE: namespace, HEALTH_PORT: "0", LOG_LEVEL: "info" };
  const process = stack.use(
    startProcess("test/ops/fixtures/worker.ts", [], { env: { ...own, OTEL_METRICS_EXPORTER: "prometheus", ...env } }),
  );
  const { url } = JSON.parse(await process.line("health is told")) as { url: string };
  await process.line('"joined"');
  const scrape = async (): Promise<readonly Series[]> => seriesOf(await (await fetch(`${url}/metrics`)).text());
  const until: Worker["until"] = (enough) =>
    eventually(async () => {
      const series = await scrape();
      return enough(series) && series;
    });
  return { process, until };
}

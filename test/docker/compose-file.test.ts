/** docker-compose.yml as a file: nothing open to the outside, every image pinned and replaceable, no password but given ones. */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { z } from "zod";
import { skip, test } from "../support/test.ts";

const Service = z.looseObject({
  image: z.string(),
  profiles: z.array(z.string()).optional(),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  depends_on: z.record(z.string(), z.looseObject({ condition: z.string() })).default({}),
  healthcheck: z.looseObject({}).optional(),
});
const File = z.looseObject({ services: z.record(z.string(), Service), volumes: z.record(z.string(), z.unknown()) });

const text = readFileSync("docker-compose.yml", "utf8");
const { services, volumes } = File.parse(parse(text, { merge: true }));
const components = ["order-manager", "algorithm", "order-sender"];

test("publishes nothing beyond loopback", () => {
  const ports = Object.values(services).flatMap((service) => service.ports);
  assert.ok(ports.length >= 4);
  for (const port of ports) assert.match(port, /^127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+$/);
});

test("pins each image to a version, and lets a variable replace it", () => {
  for (const [name, { image }] of Object.entries(services)) {
    assert.match(image, /^\$\{[A-Z_]+_IMAGE:-[\w./-]+:v?\d+\.\d+\.\d+\}$/, name);
  }
});

test("has no password of its own", () => {
  const defaults = [...text.matchAll(/\$\{(\w*PASSWORD)(?::([-?])([^}]*))?\}/g)];
  assert.ok(defaults.length > 0);
  for (const [whole, , kind, value] of defaults) assert.ok(kind !== "-" || value === "", whole);
  for (const user of ["ORDER_MANAGER", "ALGORITHM", "ORDER_SENDER", "OPERATOR", "CONSOLE"]) {
    assert.ok(text.includes(`\${${user}_PASSWORD:?`), user);
  }
});

test("makes the passwords of all its users anew each time", () => {
  const made = [1, 2].map(() => execFileSync("sh", ["docker/passwords.sh"], { encoding: "utf8" }));
  assert.is.not(made[0], made[1]);
  const names = (made[0] ?? "")
    .trim()
    .split("\n")
    .map((line) => /^([A-Z_]+_(?:PASSWORD|TOKEN))=[0-9a-f]{48}$/.exec(line)?.[1]);
  const wanted = new Set([...text.matchAll(/\$\{(\w*(?:PASSWORD|TOKEN))/g)].map(([, name]) => name));
  assert.equal(new Set(names), wanted);
});

test("starts the components when Redis is healthy, and makes no order wait for telemetry", () => {
  for (const name of components) {
    const { redis, "otel-collector": collector } = services[name]?.depends_on ?? {};
    assert.is(redis?.condition, "service_healthy");
    assert.is(collector?.condition, "service_started");
  }
  assert.is(services["redis"]?.depends_on["setup"]?.condition, "service_completed_successfully");
  assert.ok(services["redis"]?.healthcheck);
  assert.equal(services["otel-collector"]?.depends_on["elastic-setup"], {
    condition: "service_completed_successfully",
    required: false,
  });
});

test("keeps data in volumes, and Elastic in a profile", () => {
  for (const [service, volume] of Object.entries({
    redis: "redis",
    venue: "venue",
    jaeger: "jaeger",
    prometheus: "prometheus",
    elasticsearch: "elasticsearch",
  })) {
    assert.ok(volume in volumes);
    assert.ok(services[service]?.volumes.some((mount) => mount.startsWith(`${volume}:`)));
  }
  const inProfile = Object.entries(services).flatMap(([name, { profiles }]) =>
    profiles?.includes("elastic") ? name : [],
  );
  assert.equal(inProfile.sort(), ["elastic-collector", "elastic-setup", "elasticsearch", "kibana"]);
});

test("Prometheus scrapes every component at the port at which it tells its health", () => {
  const Scrape = z.looseObject({
    dns_sd_configs: z.array(z.looseObject({ names: z.array(z.string()), port: z.int() })),
  });
  const config = z
    .looseObject({ rule_files: z.array(z.string()), scrape_configs: z.array(Scrape) })
    .parse(parse(readFileSync("ops/prometheus/prometheus.yml", "utf8")));
  const [port = ""] = /HEALTH_PORT=\d+/.exec(readFileSync("Dockerfile", "utf8")) ?? [];
  const targets = config.scrape_configs.flatMap((scrape) => scrape.dns_sd_configs);
  assert.equal(targets.flatMap(({ names }) => names).sort(), [...components].sort());
  for (const target of targets) assert.is(`HEALTH_PORT=${target.port}`, port);
  for (const name of components) assert.match(services[name]?.environment["OTEL_METRICS_EXPORTER"] ?? "", "prometheus");
  assert.ok(services["prometheus"]?.volumes.includes("./ops/prometheus:/etc/prometheus:ro"));
  for (const file of config.rule_files) assert.ok(existsSync(`ops/prometheus/${file}`), file);
});

test("is accepted by Docker Compose, with and without its profiles, and refused without passwords", () => {
  const config = (env: Record<string, string>, ...args: string[]): void =>
    void execFileSync("docker", ["compose", "--env-file", "/dev/null", ...args, "config", "--quiet"], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 15_000,
    });
  try {
    execFileSync("docker", ["compose", "version"], { stdio: "ignore", timeout: 15_000 });
  } catch {
    skip("there is no docker compose on this machine");
  }
  const users = ["ORDER_MANAGER", "ALGORITHM", "ORDER_SENDER", "OPERATOR", "CONSOLE"];
  const passwords = Object.fromEntries(users.map((user) => [`${user}_PASSWORD`, "0123456789abcdef"]));
  Object.assign(passwords, { CONSOLE_TOKEN: "0123456789abcdef" });
  config(passwords);
  config(passwords, "--profile", "elastic", "--profile", "tools");
  assert.throws(() => config({}), /variable [A-Z_]+_(PASSWORD|TOKEN) is missing a value/);
});

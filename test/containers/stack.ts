/** `startStack`: services of docker-compose.yml, from the images that there are, under passwords of their own. */

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { docker, dockerWith, type Owner } from "./engine.ts";
import { componentImage, imageOf, servers } from "./images.ts";

export const components = ["order-manager", "algorithm", "order-sender"] as const;
export type ComponentName = (typeof components)[number];

export interface Stack extends AsyncDisposable {
  /** Of Redis, on loopback, for this user of the stack. */
  url(user: string): Promise<string>;
  /** Likewise of a node of the cluster, in the network that Linux shares with its containers. */
  nodeUrl(user: string, service: string): Promise<string>;
  /** The published address of the service, as host:port. */
  published(service: string, port: number): Promise<string>;
  /** `docker compose …` on this stack; standard output. */
  compose(...args: readonly string[]): Promise<string>;
  /** The container of a service. */
  idOf(service: string): Promise<string>;
}

/** The variable of each user, as docker/passwords.sh names it. */
const passwordOf = (user: string): string => `${user.toUpperCase().replaceAll("-", "_")}_PASSWORD`;

export interface StackOptions {
  /** Where the components' spans go. */
  readonly endpoint: string;
  /** On the cluster of the profile. Default: on one Redis. */
  readonly onCluster?: boolean;
}

/** Resolves when all of the components are healthy, and so is what they wait for. */
export async function startStack(owner: Owner, { endpoint, onCluster = false }: StackOptions): Promise<Stack> {
  const directory = await mkdtemp(join(tmpdir(), "throughline-compose-"));
  const overrides = join(directory, "overrides.yml");
  await writeFile(overrides, await overridesFor(owner, endpoint));
  const users = [...components, "operator", "console"];
  const passwords = Object.fromEntries(users.map((user) => [passwordOf(user), randomBytes(16).toString("hex")]));
  const env = {
    ...passwords,
    CONSOLE_TOKEN: randomBytes(16).toString("hex"),
    CONSOLE_PORT: "0",
    THROUGHLINE_IMAGE: componentImage,
    REDIS_IMAGE: imageOf(servers.redis8),
    REDIS_PORT: "0",
    GATEWAY_PORT: "0",
    VENUE_PORT: "0",
    // With "everysec" a server that is killed while the disk is slow has replied to what it has not written.
    REDIS_APPENDFSYNC: "always",
    ...(onCluster && { ON_CLUSTER: "yes", COMPOSE_PROFILES: "cluster" }),
  };
  const project = `throughline-test-${owner.value.replaceAll(".", "-")}`;
  const prefix = ["compose", "--project-name", project, "--file", "docker-compose.yml", "--file", overrides];
  const compose = async (...args: readonly string[]): Promise<string> =>
    (await dockerWith(env, ...prefix, ...args)).stdout.trim();
  const dispose = async (): Promise<void> => {
    await compose("down", "--volumes", "--timeout", "10");
    await rm(directory, { recursive: true });
  };
  const idOf = (service: string): Promise<string> => compose("ps", "--all", "--quiet", service);
  const published = (service: string, port: number): Promise<string> => compose("port", service, String(port));
  try {
    await compose("up", "--no-build", "--wait", "--wait-timeout", "90", "venue", ...components);
  } catch (error) {
    const logs = await compose("logs", "--tail", "20").catch(String);
    await dispose();
    throw new Error(`the stack did not come up: ${(error as Error).message}\n${logs}`, { cause: error });
  }
  return {
    url: async (user) => `redis://${user}:${passwords[passwordOf(user)]}@${await published("redis", 6379)}`,
    nodeUrl: async (user, service) => {
      const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
      const address = await docker("inspect", await idOf(service), "--format", format);
      return `redis://${user}:${passwords[passwordOf(user)]}@${address}:6379`;
    },
    published,
    compose,
    idOf,
    [Symbol.asyncDispose]: dispose,
  };
}

/** Labels on everything that Compose makes, and spans to the test instead of a Collector, whose image is not had everywhere. */
async function overridesFor(owner: Owner, endpoint: string): Promise<string> {
  const file = parse(await readFile("docker-compose.yml", "utf8"), { merge: true }) as {
    readonly services: object;
    readonly volumes: object;
  };
  const labels = { [owner.label]: owner.value };
  const labelled = (names: object): object => Object.fromEntries(Object.keys(names).map((name) => [name, { labels }]));
  const services = labelled(file.services) as Record<string, object>;
  const { port } = new URL(endpoint);
  for (const name of components) {
    services[name] = {
      labels,
      extra_hosts: ["collector.test:host-gateway"],
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://collector.test:${port}`, TAKEOVER_AFTER_MS: "1000" },
    };
  }
  const text = stringify({ services, volumes: labelled(file.volumes), networks: { default: { labels } } });
  // Taken as they stand, the dependencies of both files would be added up.
  const order =
    "    depends_on: !override { redis: { condition: service_healthy }, cluster: { condition: service_completed_successfully, required: false } }\n";
  return components.reduce((all, name) => all.replace(`  ${name}:\n`, (line) => line + order), text);
}

/** The address at which containers reach this machine: Docker's own bridge, on Linux. */
export async function bridgeAddress(): Promise<string> {
  const format = "{{with index .IPAM.Config 0}}{{.Subnet}} {{.Gateway}}{{end}}";
  const [subnet = "", gateway] = (await docker("network", "inspect", "bridge", "--format", format)).split(" ");
  // An engine that has just made the bridge does not name its address yet: it is the subnet's first.
  return gateway ?? subnet.replace(/\d+\/\d+$/, "1");
}

/** A private Redis whose users have roles: what runs under them, what it has denied to them, and `assertDenied`. */

import { Redis } from "ioredis";
import * as assert from "uvu/assert";
import { openOwner } from "../../../src/composition/owner.ts";
import { type Backbone, type BackboneOptions, type Component, connectBackbone, type Log } from "../../../src/index.ts";
import { type PrivateRedis, startPrivateRedis } from "../../../src/local-redis/private-server.ts";
import { aclRules } from "../../../src/redis/acl/rules.ts";
import type { AclRole, AclScope } from "../../../src/redis/acl/scope.ts";
import { type LogLine, memoryLog } from "../../support/backbone.ts";
import { eventually } from "../../support/eventually.ts";

export const namespace = "trading";
export const password = "s3cret-Passw0rd";

export class Server implements AsyncDisposable {
  readonly #redis: PrivateRedis;
  readonly admin: Redis;
  readonly lines: LogLine[] = [];
  readonly log: Log = memoryLog(this.lines);
  readonly #stack = new AsyncDisposableStack();

  constructor(redis: PrivateRedis) {
    this.#redis = redis;
    this.admin = new Redis(redis.url, { protocol: 2 });
  }

  /** A user with these roles; gives the URL under which it connects. */
  async user(name: string, roles: readonly AclRole[], scope: Partial<AclScope> = {}): Promise<string> {
    const [reset = "", ...rules] = aclRules(roles, { namespace, ...scope });
    await this.admin.call("ACL", "SETUSER", name, reset, `>${password}`, ...rules);
    return this.#redis.url.replace("//", `//${name}:${password}@`);
  }

  /** A user who publishes to these channels, of a namespace that its owner has prepared. */
  async publisher(...channels: readonly string[]): Promise<string> {
    await using owner = openOwner({ url: this.#redis.url, namespace });
    await owner.prepare({ channels });
    return this.user("publisher", ["producer"], { channels });
  }

  /** Resolves when the namespace's description has these channels. */
  async described(...channels: readonly string[]): Promise<void> {
    const fields = channels.map((channel) => `channel:${channel}`);
    await eventually(async () => !(await this.admin.hmget(`${namespace}:meta`, ...fields)).includes(null));
  }

  async connect(url: string, options: Partial<BackboneOptions> = {}): Promise<Backbone> {
    return this.#stack.use(await connectBackbone({ url, namespace, log: this.log, ...options }));
  }

  client(url: string): Redis {
    const client = new Redis(url, { protocol: 2, enableReadyCheck: false });
    this.#stack.defer(() => client.disconnect());
    return client;
  }

  /** Runs a component until the test ends. */
  async run(component: Component): Promise<Component> {
    const run = component.run();
    this.#stack.defer(async () => {
      await component.drain();
      await run;
    });
    await component.ready();
    return component;
  }

  /** The commands and keys that Redis has denied since the last call: "<user> <command or key>", sorted, each once. */
  async denied(): Promise<readonly string[]> {
    const rows = (await this.admin.call("ACL", "LOG", "128")) as unknown[][];
    await this.admin.call("ACL", "LOG", "RESET");
    const field = (row: unknown[], name: string): string => String(row[row.indexOf(name) + 1]);
    // Said at each connect, by a server that is too old to know what is asked.
    const isKnown = (text: string): boolean => !text.endsWith(" client|setinfo");
    return [...new Set(rows.map((row) => `${field(row, "username")} ${field(row, "object")}`))].filter(isKnown).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    this.admin.disconnect();
    await this.#redis[Symbol.asyncDispose]();
  }
}

export async function start(): Promise<Server> {
  return new Server(await startPrivateRedis());
}

/** Each command must be denied for lack of permission. */
export async function assertDenied(client: Redis, commands: readonly (readonly string[])[]): Promise<void> {
  for (const [name = "", ...args] of commands) {
    const refusal = await client.call(name, ...args).then(
      () => "it was done",
      (error: Error) => error.message,
    );
    assert.match(
      refusal,
      /^NOPERM|The user executing the script can't (run|access)/,
      `${name} ${args.join(" ")}: ${refusal}`,
    );
  }
}

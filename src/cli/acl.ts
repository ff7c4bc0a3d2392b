/** `throughline acl`: prints the rules of a least-privilege Redis user. It talks to no server. */

import { Argument, type Command, Option } from "commander";
import { ConfigError } from "../model/errors.ts";
import { aclRules } from "../redis/acl/rules.ts";
import { type AclRole, type AclScope, aclRoles } from "../redis/acl/scope.ts";
import { usageExitCode } from "../service/exit-code.ts";
import { type AclFormat, aclFormats, aclText, placeholder } from "./acl-text.ts";
import type { CommonOptions } from "./common.ts";
import { print, say } from "./output.ts";

interface AclOptions extends CommonOptions {
  readonly channel?: readonly string[];
  readonly component?: string;
  readonly source?: string;
  readonly into?: string;
  readonly background?: true;
  readonly dedupes?: true;
  readonly evicts?: true;
  readonly waits?: true;
  readonly clustered?: true;
  readonly user?: string;
  readonly format: AclFormat;
}

export function defineAcl(acl: Command): void {
  acl
    .addArgument(new Argument("<roles...>", "of one user, added up").choices(aclRoles))
    .option("--user <name>", "default: the namespace and the roles")
    .option(
      "--channel <names...>",
      "it publishes to, consumes and trims these channels only; producer, component and source need them",
    )
    .option("--component <name>", "it runs this component only")
    .option("--source <name>", "it runs this source only")
    .option("--into <namespace>", "where replay may publish")
    .option("--background", "it queues replays, and works on queued ones")
    .option("--dedupes", "it publishes to channels with a dedupe window")
    .option("--evicts", "it publishes to channels that evict when they are full")
    .option("--waits", "it asks for durability by WAIT and WAITAOF; Redis 7.2 or newer")
    .option("--clustered", "it connects to a cluster")
    .addOption(
      new Option("--format <format>", "a command, or a line of the aclfile")
        .choices(aclFormats)
        .default("setuser" satisfies AclFormat),
    )
    .action(async (roles: AclRole[], _options: object, command: Command) => {
      const options = command.optsWithGlobals<AclOptions>();
      const { namespace, user = `${namespace}-${roles.join("-")}`, format, json } = options;
      const rules = rulesOf(command, roles, options);
      if (json === true) {
        await print(JSON.stringify({ user, rules }, undefined, 2));
        return;
      }
      await print(aclText(user, rules, format));
      say(`Put the password's hash in place of ${placeholder.slice(1)}: printf %s "$PASSWORD" | sha256sum`);
    });
}

function rulesOf(command: Command, roles: readonly AclRole[], options: AclOptions): readonly string[] {
  const { namespace, channel, component, source, into, background, dedupes, evicts, waits, clustered } = options;
  const { user = "" } = options;
  const scope: AclScope = {
    namespace,
    ...(channel === undefined ? {} : { channels: channel }),
    ...(component === undefined ? {} : { component }),
    ...(source === undefined ? {} : { source }),
    ...(into === undefined ? {} : { into }),
    ...(background === undefined ? {} : { background }),
    ...(dedupes === undefined ? {} : { dedupes }),
    ...(evicts === undefined ? {} : { evicts }),
    ...(waits === undefined ? {} : { waits }),
    ...(clustered === undefined ? {} : { clustered }),
  };
  try {
    if (/\s/.test(user)) throw new ConfigError("a user's name has no spaces");
    return aclRules(roles, scope);
  } catch (error) {
    if (error instanceof ConfigError) command.error(`error: ${error.message}`, { exitCode: usageExitCode });
    throw error;
  }
}

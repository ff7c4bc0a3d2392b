/** The rules of a user who has some roles, made from the table of grants. */

import { ConfigError } from "../../model/errors.ts";
import { isName, isNamespace } from "../../model/names.ts";
import {
  connecting,
  deduping,
  evicting,
  type Grant,
  publishing,
  relaying,
  republishing,
  roleParts,
  waiting,
} from "./grants.ts";
import { patternsOf } from "./key-patterns.ts";
import type { AclRole, AclScope } from "./scope.ts";

/**
 * The rules of a user who has these roles and no others, in ACL SETUSER's words: everything but name and password.
 * @throws {ConfigError} on a name that could not be one of ours, as its rule might open more than it says, and on a
 * role without the channels that it needs
 */
export function aclRules(roles: readonly AclRole[], scope: AclScope): readonly string[] {
  check(roles, scope);
  const {
    namespace,
    into,
    background = false,
    evicts = false,
    dedupes = false,
    waits = false,
    clustered = false,
  } = scope;
  const parts = roles.map((role) => roleParts[role]);
  const grants = parts.flatMap((part) => part.grants);
  if (evicts && roles.some(isNarrow)) grants.push(...evicting);
  if (clustered && roles.includes("component")) grants.push(...relaying("relay", "relayed"));
  if (clustered && roles.includes("source")) grants.push(...relaying("sourceRelay", "sourceRelayed"));
  if (dedupes && roles.includes("producer")) grants.push(deduping);
  const inBackground = background && roles.includes("replay");
  if (inBackground) grants.push(waiting);
  const selectors = grants.map((grant) => selectorOf(grant, scope));
  const spaces = [namespace];
  if (into !== undefined && roles.includes("replay")) {
    selectors.push(
      ...[...publishing, deduping, ...republishing].map((grant) => selectorOf(grant, { namespace: into })),
    );
    spaces.push(into);
  }
  const commands = new Set([...connecting, ...parts.flatMap((part) => part.commands ?? [])]);
  if (inBackground) commands.add("info"); // BullMQ asks for it
  if (clustered) commands.add("cluster|slots");
  if (waits) commands.add("wait").add("waitaof");
  // A script may be called with the keys of these first rules. What the script then does to them is up to the
  // selectors.
  const keys = spaces.flatMap((space) => [`~{${space}:*}:*`, `~${space}:meta`]);
  return ["reset", "on", "-@all", ...[...commands].map((command) => `+${command}`), ...keys, ...new Set(selectors)];
}

function selectorOf({ on, access, commands }: Grant, scope: AclScope): string {
  const flag = access === "RW" ? "~" : `%${access}~`;
  const keys = on.flatMap((kind) => patternsOf(kind, scope)).map((pattern) => `${flag}${pattern}`);
  return `(${[...commands.map((command) => `+${command}`), ...keys].join(" ")})`;
}

/** Roles that write to channels. */
function isNarrow(role: AclRole): boolean {
  return role === "producer" || role === "component" || role === "source";
}

function check(roles: readonly AclRole[], { namespace, into, channels = [], component, source }: AclScope): void {
  const narrow = roles.find(isNarrow);
  if (narrow !== undefined && channels.length === 0) {
    throw new ConfigError(
      `the role ${narrow} needs the channels that it is for: without them it could write dead letters and settlement logs as well, ` +
        "whose keys no rule of Redis can tell from a channel's",
    );
  }
  for (const name of [namespace, ...(into === undefined ? [] : [into])]) {
    if (!isNamespace(name)) throw new ConfigError(`"${name}" is no namespace`);
  }
  if (namespace === into) {
    throw new ConfigError(
      `a replay into "${into}" itself would be handled as live: choose another namespace to replay into`,
    );
  }
  for (const name of [...channels, component, source]) {
    if (name !== undefined && !isName(name))
      throw new ConfigError(`"${name}" is no name of a channel, component or source`);
  }
}

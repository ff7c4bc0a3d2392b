/** Which roles a user of Redis may have, and what each is for. */

export const aclRoles = ["producer", "component", "source", "replay", "observer", "operator", "owner"] as const;
/**
 * `producer` publishes and reads nothing. `component` consumes, settles, publishes from its handlers, takes part in maintenance, and reads
 * the namespace. `source` runs sources: it appends, keeps their positions, and reads nothing else. `replay` reads a namespace and publishes into
 * another. `observer` reads the namespace and changes nothing. `operator` reads, redrives and purges dead letters. `owner`
 * reads, prepares the namespace and repairs its channels.
 * Roles of one user add up.
 */
export type AclRole = (typeof aclRoles)[number];

export interface AclScope {
  readonly namespace: string;
  /**
   * The channels that the user publishes to, consumes or trims. `producer`, `component` and `source` need them: no rule of Redis can say "every
   * channel" without the dead letters and the settlement logs, whose keys begin and end like a channel's.
   */
  readonly channels?: readonly string[];
  /** The one component that the user runs. Default: any. */
  readonly component?: string;
  /** The one source that the user runs. Default: any. */
  readonly source?: string;
  /** The namespace that `replay` publishes into. Default: none. */
  readonly into?: string;
  /** True where `replay` queues runs for the background, and works on queued ones. */
  readonly background?: boolean;
  /** True where the user publishes to channels with a dedupe window. */
  readonly dedupes?: boolean;
  /** True where the user publishes to channels that evict their oldest entries when they are full. */
  readonly evicts?: boolean;
  /**
   * True where the user asks for durability by WAIT and WAITAOF. A server older than Redis 7.2 takes no rule that names
   * WAITAOF.
   */
  readonly waits?: boolean;
  /** True where the user connects to a cluster: it asks where the slots are, and a component moves outputs between nodes. */
  readonly clustered?: boolean;
}

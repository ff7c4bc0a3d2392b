/** The place of the servers, as it is given: one server's URL, a cluster's nodes, or the Sentinels that name a primary. */

/** Sentinels, and the name under which they know the primary. */
export interface SentinelPlace {
  /** Of the Sentinels: redis:// or rediss://, with their own login where they have one. */
  readonly urls: readonly string[];
  readonly name: string;
}

export interface ServersPlace {
  /** redis://, rediss:// or unix://. With `sentinel` only its login, database and scheme count: those of the primary. */
  readonly url?: string | undefined;
  /** Some nodes of a Redis or Valkey Cluster, redis:// or rediss://; the others are found. One login and scheme for all. */
  readonly cluster?: readonly string[] | undefined;
  readonly sentinel?: SentinelPlace | undefined;
}

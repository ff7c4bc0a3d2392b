/** A component's verbs over Redis: membership here, the rest in rooms of their own. Each calls the script of its name, whose head is the contract. */

import { ConfigError } from "../../model/errors.ts";
import type {
  EntryReader,
  GroupPlace,
  Heartbeat,
  Joined,
  JoinedGroup,
  Loss,
  Membership,
  SilentMember,
  StreamStore,
} from "../../ports/store.ts";
import type { Connection } from "../client/connection.ts";
import { Outbox } from "../client/outbox.ts";
import type { ScriptArgs } from "../client/script-command.ts";
import type { Keys } from "../keys.ts";
import type { Namespace } from "../namespace.ts";
import type { Script } from "../script-source.ts";
import type { StoreContext } from "./appender.ts";
import { Deliveries } from "./deliveries.ts";
import { RedisEntryReader } from "./entry-reader.ts";
import { scripts } from "./scripts.ts";
import { Settlements } from "./settlements.ts";
import { Standing } from "./standing.ts";
import { chunked, Verbs } from "./verbs.ts";

export class RedisStreamStore implements StreamStore {
  readonly settle: StreamStore["settle"];
  readonly begin: StreamStore["begin"];
  readonly attemptRecords: StreamStore["attemptRecords"];
  readonly park: StreamStore["park"];
  readonly unpark: StreamStore["unpark"];
  readonly look: StreamStore["look"];
  readonly overdue: StreamStore["overdue"];
  readonly bury: StreamStore["bury"];
  readonly release: StreamStore["release"];
  readonly acknowledgeAgain: StreamStore["acknowledgeAgain"];
  readonly releaseUnknown: StreamStore["releaseUnknown"];
  readonly claim: StreamStore["claim"];
  readonly strangers: StreamStore["strangers"];
  readonly backlog: StreamStore["backlog"];
  readonly isSettled: StreamStore["isSettled"];
  readonly vanished: StreamStore["vanished"];
  readonly holds: StreamStore["holds"];
  readonly isValidText: StreamStore["isValidText"];
  readonly #verbs: Verbs;
  readonly #outbox: Outbox;
  readonly #namespace: Namespace;
  readonly #openConnection: (purpose: string) => Connection;
  /** Readers that are open, to be closed with the store. */
  readonly #readers = new Set<EntryReader>();

  constructor(
    connection: Connection,
    keys: Keys,
    context: StoreContext,
    openConnection: (purpose: string) => Connection,
    keepsLog: boolean,
  ) {
    this.#outbox = new Outbox(connection, context.confirmation);
    this.#namespace = context.namespace;
    this.#verbs = new Verbs(connection, keys, this.#outbox);
    this.#openConnection = openConnection;
    const settlements = new Settlements(this.#verbs, context, keepsLog);
    this.settle = settlements.settle.bind(settlements);
    const deliveries = new Deliveries(this.#verbs, keepsLog);
    this.begin = deliveries.begin.bind(deliveries);
    this.attemptRecords = deliveries.attemptRecords.bind(deliveries);
    this.park = deliveries.park.bind(deliveries);
    this.unpark = deliveries.unpark.bind(deliveries);
    this.look = deliveries.look.bind(deliveries);
    this.overdue = deliveries.overdue.bind(deliveries);
    this.bury = deliveries.bury.bind(deliveries);
    this.release = deliveries.release.bind(deliveries);
    this.acknowledgeAgain = deliveries.acknowledgeAgain.bind(deliveries);
    this.releaseUnknown = deliveries.releaseUnknown.bind(deliveries);
    this.claim = deliveries.claim.bind(deliveries);
    this.strangers = deliveries.strangers.bind(deliveries);
    const standing = new Standing(this.#verbs);
    this.backlog = standing.backlog.bind(standing);
    this.isSettled = standing.isSettled.bind(standing);
    this.vanished = standing.vanished.bind(standing);
    this.holds = standing.holds.bind(standing);
    this.isValidText = standing.isValidText.bind(standing);
  }

  get losses(): number {
    return this.#verbs.connection.losses;
  }

  async join(membership: Membership, isNew: boolean, places: readonly GroupPlace[]): Promise<Joined> {
    const { partition, component, member, channels } = membership;
    await this.#verbs.connection.ready();
    const failing = `component "${component}" cannot join its groups`;
    const compare = (script: Script, keys: readonly string[], args: ScriptArgs): Promise<unknown> =>
      this.#verbs.send("meta", failing, script, keys, args);
    await this.#namespace.look(compare);
    const keys = [...this.#verbs.placeKeys(membership)];
    const args: (string | number)[] = [component, member, isNew ? "1" : "0"];
    for (const [i, channel] of channels.entries()) {
      const { begin, lastRead, inHand } = places[i] as GroupPlace;
      keys.push(
        ...this.#verbs.deliveryKeys(membership, channel),
        this.#verbs.keys.parked(partition, channel, component),
      );
      args.push(channel, begin, lastRead, inHand.length, ...inHand);
    }
    keys.unshift(this.#verbs.keys.members(partition, component));
    const reply = await this.#verbs.send("join", failing, scripts.join, keys, args).catch((error: unknown) => {
      // Not to be mended by trying again: somebody else's key stands where ours would.
      const wrong = error instanceof Error ? /WRONGTYPE (.*)/.exec(error.message)?.[1] : undefined;
      throw wrong === undefined ? error : new ConfigError(`${failing}: ${wrong}`, { cause: error });
    });
    // Only now, when no key is in the way: a start that is refused writes nothing.
    await this.#namespace.claim(compare);
    const [registered, ...states] = reply as string[];
    return {
      isRegistered: registered === "1",
      groups: states.map((state, i) => parseJoined(channels[i] ?? "", state)),
    };
  }

  async savePositions(membership: Membership): Promise<{ isGone: boolean; losses: readonly Loss[] }> {
    const { partition, component } = membership;
    const losses: Loss[] = [];
    let isGone = false;
    for (const channels of chunked(membership.channels)) {
      const keys = [
        ...this.#verbs.placeKeys(membership),
        ...channels.map((channel) => this.#verbs.keys.stream(partition, channel)),
      ];
      const failing = "positions cannot be saved";
      const args = [component, ...channels];
      const reply = (await this.#verbs.send("positions", failing, scripts.positions, keys, args)) as string[];
      for (let i = 1; i + 2 < reply.length; i += 3) {
        losses.push({ channel: reply[i] ?? "", count: Number(reply[i + 1]), isExact: reply[i + 2] === "1" });
      }
      isGone ||= Number(reply[0]) > 0;
    }
    return { isGone, losses };
  }

  async heartbeat({ partition, component, member }: Membership, claimAfterMs: number): Promise<Heartbeat> {
    const keys = [this.#verbs.keys.members(partition, component)];
    const reply = (await this.#verbs.send("heartbeat", "heartbeat failed", scripts.heartbeat, keys, [
      member,
      claimAfterMs,
    ])) as [number, number?, number?, ...string[]];
    const silent: SilentMember[] = [];
    for (let i = 3; i + 1 < reply.length; i += 2) {
      silent.push({ member: String(reply[i]), seenAt: String(reply[i + 1]) });
    }
    return { registered: reply[0] === 1, storeNow: reply[1] ?? 0, members: reply[2] ?? 0, silent };
  }

  async openReader(membership: Membership): Promise<EntryReader> {
    const connection = this.#openConnection(`read:${membership.component}`);
    const reader = new RedisEntryReader(connection, this.#verbs.keys, membership);
    this.#readers.add(reader);
    return reader;
  }

  async readState(
    { partition, component }: Pick<Membership, "partition" | "component">,
    store: string,
    key: string,
  ): Promise<{ version: string; json: string | undefined }> {
    const hash = this.#verbs.keys.state(partition, component, store);
    const value = await this.#verbs.read(`state "${store}" cannot be read`, () => this.#verbs.client.hget(hash, key));
    if (value === null) return { version: "", json: undefined };
    const space = value.indexOf(" ");
    return { version: value.slice(0, space), json: value.slice(space + 1) };
  }

  async remove(membership: Membership, victim: SilentMember): Promise<boolean> {
    const { partition, component, channels } = membership;
    const keys = [
      this.#verbs.keys.members(partition, component),
      this.#verbs.keys.robbed(partition, component, victim.member),
      ...channels.map((channel) => this.#verbs.keys.stream(partition, channel)),
    ];
    const args = [component, victim.member, victim.seenAt];
    return (await this.#verbs.send("reap", "a silent member cannot be removed", scripts.reap, keys, args)) === 1;
  }

  async leave(membership: Membership): Promise<void> {
    const { partition, component, member } = membership;
    const { client } = this.#verbs;
    const members = this.#verbs.keys.members(partition, component);
    const seenAt = await this.#verbs.read("members cannot be read", () => client.zscore(members, member));
    if (seenAt !== null) await this.remove(membership, { member, seenAt });
  }

  async close(): Promise<void> {
    for (const reader of this.#readers) reader.close();
    this.#outbox.close();
    this.#verbs.connection.close();
  }
}

function parseJoined(channel: string, state: string): JoinedGroup {
  const [became = "", lost = "0"] = state.split(" ");
  return { channel, became: (became === "" ? "there" : became) as JoinedGroup["became"], lost: Number(lost) };
}

/** A cluster that is reached over TLS, by users who have a password and the rights of their roles. */

import * as assert from "uvu/assert";
import { ConfigError, connectBackbone, on, openObserver } from "../../src/index.ts";
import { startPrivateCluster } from "../../src/local-redis/private-cluster.ts";
import { aclRules } from "../../src/redis/acl/rules.ts";
import type { AclRole, AclScope } from "../../src/redis/acl/scope.ts";
import { memoryLog, open, things } from "../support/backbone.ts";
import { ClusterAdmin, nodeAt } from "../support/cluster.ts";
import { freshNamespace } from "../support/redis.ts";
import { rejects } from "../support/rejects.ts";
import { test } from "../support/test.ts";
import { createAuthority, freePort } from "../support/tls.ts";

const partitions = 6;
const orders = things("orders");
const fills = things("fills", { key: ({ n }) => `f${n}` });

test(
  "everything runs over TLS by the nodes' names with users of few rights, through a moved slot and a failover; another authority or password is refused",
  async () => {
    await using authority = await createAuthority();
    // For the name alone: whoever connects to an address that it was looked up to is not at the server that it asked for.
    const { certPath, keyPath } = await authority.issue("node", "DNS:localhost");
    const ports = await Promise.all(Array.from({ length: 6 }, freePort));
    await using cluster = await startPrivateCluster({
      nodeTimeoutMs: 1_000,
      settings: (node) => [
        ...[`tls-port ${ports[node]}`, "tls-auth-clients no"],
        ...["tls-cluster yes", "tls-replication yes", "cluster-require-full-coverage no"],
        ...["cluster-announce-hostname localhost", "cluster-preferred-endpoint-type hostname"],
        ...[`tls-cert-file ${certPath}`, `tls-key-file ${keyPath}`, `tls-ca-cert-file ${authority.caPath}`],
      ],
    });
    using admin = new ClusterAdmin((port) => ports[cluster.nodes.findIndex((node) => node.port === port)] as number);
    const namespace = freshNamespace();
    const as = async (name: string, roles: readonly AclRole[], scope: Partial<AclScope> = {}) => {
      const [reset = "", ...rules] = aclRules(roles, { namespace, clustered: true, ...scope });
      for (const node of cluster.nodes)
        await admin.client(node).call("ACL", "SETUSER", name, reset, ">secret", ...rules);
      return ports.map((port) => `rediss://${name}:secret@localhost:${port}`);
    };
    const tls = { ca: authority.ca };
    const channels = ["orders", "fills"];
    const filler = await as("filler", ["producer", "component"], { channels, component: "filler" });
    const reader = await as("reader", ["observer"]);
    // Beside it a bare client, which knows no TLS and no user.
    await using bare = await open({ cluster: cluster.urls, namespace, partitions });
    await using backbone = await connectBackbone({ cluster: filler, tls, namespace, partitions, log: memoryLog([]) });
    const component = backbone.component("filler", [
      on(orders, async ({ payload }, { publish }) => void (await publish(fills, payload))),
    ]);
    const running = component.run();
    await component.ready();
    let next = 0;
    const goOn = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 60 }, () => backbone.publish(orders, { n: next, key: `k${next++}` })));
    await goOn();

    const others = cluster.nodes.slice(0, 3);
    const [moved, failed] = [bare.keys.tag(0), bare.keys.tag(1)];
    const source = await admin.primaryOf(moved, others[0] as { port: number });
    const moving = goOn();
    await admin.move(moved, others.find(({ port }) => port !== source.port) as { port: number });
    await moving;

    const dying = await admin.primaryOf(failed, others[0] as { port: number });
    const observer = cluster.nodes.find(({ port }) => port !== dying.port) as { port: number };
    await nodeAt(cluster, dying.port).kill("SIGKILL");
    const waiting = goOn();
    await admin.whenPromoted(failed, dying.port, observer);
    await waiting;
    await component.whenIdle();
    const ns = (await bare.entries(fills)).map(({ payload }) => payload.n);
    assert.equal(
      ns.sort((one, two) => one - two),
      Array.from({ length: next }, (_, n) => n),
    );
    await using observing = openObserver({ cluster: reader, tls, namespace });
    assert.is((await observing.status()).components.filter(({ state }) => state === "served").length, partitions);

    const alive = cluster.nodes.filter(({ port }) => port !== dying.port);
    for (const node of alive) {
      assert.equal(await admin.client(node).call("ACL", "LOG"), []);
      const lines = String(await admin.client(node).call("CLIENT", "LIST")).split("\n");
      const port = ports[cluster.nodes.indexOf(node)];
      const ours = lines.filter((line) => line.includes(" user=filler "));
      assert.ok(
        ours.every((line) => line.includes(` laddr=127.0.0.1:${port} `)),
        "a client came by the plain port",
      );
    }

    await using stranger = await createAuthority();
    const options = { namespace, log: memoryLog([]) };
    const untrusted = connectBackbone({ ...options, cluster: filler, tls: { ca: stranger.ca } });
    await rejects(untrusted, ConfigError, /certificate/);
    const byAddress = filler.map((url) => url.replace("localhost", "127.0.0.1"));
    await rejects(connectBackbone({ ...options, cluster: byAddress, tls }), ConfigError, /IP/);
    const wrong = filler.map((url) => url.replace("secret", "wrong"));
    const refused = await rejects(connectBackbone({ ...options, cluster: wrong, tls }), ConfigError, /WRONGPASS/);
    assert.not.match(String(refused), /wrong@|:wrong/);
    await backbone.close();
    await running;
  },
  { timeoutMs: 120_000 },
);

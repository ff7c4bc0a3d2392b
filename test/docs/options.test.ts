/** The reference of options has the options that there are, under the headings of what takes them. */

import { readFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { test } from "../support/test.ts";

const taking: Readonly<Record<string, readonly [file: string, ...interfaces: string[]]>> = {
  "A backbone": ["src/composition/backbone-options.ts", "BackboneOptions"],
  "A channel": ["src/model/channel.ts", "ChannelDefinition"],
  "A publish": ["src/publish/producer.ts", "PublishOptions"],
  "A subscription": ["src/consume/subscription.ts", "SubscriptionOptions", "BatchSubscriptionOptions"],
  "A source": ["src/sources/options.ts", "SourceOptions"],
  "A component": ["src/consume/options.ts", "ComponentOptions"],
};

for (const [heading, [file, ...interfaces]] of Object.entries(taking)) {
  test(`"${heading}" has the options of ${interfaces.join(" and ")}`, async () => {
    const document = await readFile("docs/reference/options.md", "utf8");
    const source = await readFile(file, "utf8");
    const [, section = ""] = document.split(`\n## ${heading}\n`);
    const [body = ""] = section.split("\n## ");
    const documented = [...body.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
    const declared = interfaces.flatMap((name) => {
      const [, rest = ""] = source.split(new RegExp(`export interface ${name}\\b[^{]*{\n`));
      return [...(rest.split("\n}")[0] ?? "").matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member]) => member);
    });
    assert.ok(declared.length > 0);
    assert.equal([...documented].sort(), [...declared].sort());
  });
}

/** `npm run package:docs`: installs the packed package as the user of each door does, and writes into the README what that brings. */

import { readFileSync, writeFileSync } from "node:fs";
import { consolePeers } from "../src/console/peers.ts";
import { telemetryPeers } from "../src/telemetry/setup/peers.ts";
import { containerPeers, spanPeers } from "../src/testing/peers.ts";
import { OutsideProject } from "../test/package/outside-project.ts";
import { tarball } from "../test/package/packed.ts";
import { installedSize } from "./installed-size.ts";
import { type DoorSize, withSizes } from "./installed-sizes.ts";

const installations: readonly { readonly doors: string; readonly packages: readonly string[] }[] = [
  { doors: "`throughline`, `/replay`, `/service`, `/cli`, the `throughline` command", packages: [] },
  { doors: "`/telemetry`", packages: telemetryPeers.packages },
  { doors: "`/console`, the `console` command", packages: consolePeers.packages },
  { doors: "`/testing`: a Redis of the machine", packages: [] },
  { doors: "`/testing`: captured spans", packages: spanPeers.packages },
  { doors: "`/testing`: a Redis in a container", packages: containerPeers.packages },
];

const sizes: DoorSize[] = [];
for (const { doors, packages } of installations) {
  using project = new OutsideProject();
  await project.install(tarball, ...packages);
  sizes.push({ doors, ...installedSize(project.directory) });
}
writeFileSync("README.md", withSizes(readFileSync("README.md", "utf8"), sizes));

/** The servers that the suite runs on, and the origin of their images: a registry, or Debian's packages. */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, cp, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { docker } from "./engine.ts";

const run = promisify(execFile);

export interface ServerImage {
  readonly name: string;
  readonly program: "redis-server" | "valkey-server";
  readonly official: string;
  /** The Debian release that has the version. */
  readonly suite: "bookworm" | "trixie" | "sid";
  /** The version in INFO, to check that the image holds what its row says. */
  readonly version: RegExp;
  /** True where the server has WAITAOF, which came with Redis 7.2. */
  readonly hasWaitAof: boolean;
}

export const servers: Readonly<Record<"redis7" | "redis8" | "valkey8" | "valkey9", ServerImage>> = {
  redis7: {
    name: "Redis 7.0",
    program: "redis-server",
    official: "redis:7.0",
    suite: "bookworm",
    version: /redis_version:7\.0\./,
    hasWaitAof: false,
  },
  redis8: {
    name: "Redis 8",
    program: "redis-server",
    official: "redis:8",
    suite: "trixie",
    version: /redis_version:8\./,
    hasWaitAof: true,
  },
  valkey8: {
    name: "Valkey 8",
    program: "valkey-server",
    official: "valkey/valkey:8",
    suite: "trixie",
    version: /valkey_version:8\./,
    hasWaitAof: true,
  },
  valkey9: {
    name: "Valkey 9",
    program: "valkey-server",
    official: "valkey/valkey:9",
    suite: "sid",
    version: /valkey_version:9\./,
    hasWaitAof: true,
  },
};

/** One tree may hold two servers. Bookworm's also carries Node's libraries: the components' base is made of it. */
const packages: Readonly<Record<ServerImage["suite"], readonly string[]>> = {
  bookworm: ["redis-server", "ca-certificates", "libstdc++6"],
  trixie: ["redis-server", "valkey-server"],
  sid: ["valkey-server"],
};

export type ImageSource = "debian" | "official";

/** Set by the runner once the images are there. */
const source = (): ImageSource => (process.env["THROUGHLINE_TEST_IMAGES"] === "official" ? "official" : "debian");

const script = "test/containers/debian-image.sh";
export const componentImage = "throughline-test/component:latest";

export function imageOf(server: ServerImage, from: ImageSource = source()): string {
  return from === "official" ? server.official : debianTag(server.suite);
}

/** A tag that names every input of the image, so that a changed input makes a new image. */
function debianTag(suite: ServerImage["suite"]): string {
  const content = createHash("sha256").update(packages[suite].join(" ")).digest("hex").slice(0, 12);
  return `throughline-test/${suite}:${content}`;
}

/**
 * Makes or fetches the servers' images that are not there yet. `THROUGHLINE_IMAGES` says from what; by default from Debian's packages
 * where debootstrap is installed, else from the registry. Resolves with where they are from.
 * @throws when one cannot be had
 */
export async function provideServers(): Promise<ImageSource> {
  const wanted = process.env["THROUGHLINE_IMAGES"];
  if (wanted !== undefined && wanted !== "debian" && wanted !== "official") {
    throw new Error(`THROUGHLINE_IMAGES is "${wanted}"; it is "debian" or "official"`);
  }
  const from = wanted ?? ((await isInstalled("debootstrap")) ? "debian" : "official");
  if (from === "official") {
    for (const server of Object.values(servers)) {
      if (!(await isThere(server.official))) await docker("pull", "--quiet", server.official);
    }
    return from;
  }
  const suites = [...new Set(Object.values(servers).map(({ suite }) => suite))];
  await Promise.all(
    suites.map(async (suite) => {
      if (await isThere(debianTag(suite))) return;
      await run("sh", [script, debianTag(suite), suite, ...packages[suite]], { maxBuffer: 16 * 1024 * 1024 });
    }),
  );
  return from;
}

/** Makes the components' image from the Dockerfile, whose layers the engine keeps. @throws when it cannot be made */
export async function provideComponent(from: ImageSource): Promise<void> {
  const base = from === "official" ? [] : ["--build-arg", `NODE_IMAGE=${await provideNode()}`];
  await docker("build", "--quiet", "--force-rm", ...base, "--tag", componentImage, ".");
}

/** Node and npm as this machine has them, with its way to the npm registry, in the place of the official Node image. */
async function provideNode(): Promise<string> {
  const registry = await npmSetting("registry");
  const authoritiesPath = (await npmSetting("cafile")) || (process.env["NODE_EXTRA_CA_CERTS"] ?? "");
  const authorities = authoritiesPath === "" ? "" : await readFile(authoritiesPath, "utf8");
  const lines = [
    `FROM ${debianTag("bookworm")}`,
    "COPY node /usr/local/bin/node",
    "COPY npm /usr/local/lib/node_modules/npm",
    "COPY authorities.pem /etc/npm-authorities.pem",
    "RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --create-home --uid 1000 node",
    `ENV NPM_CONFIG_REGISTRY=${registry}`,
    ...(authorities === "" ? [] : ["ENV NPM_CONFIG_CAFILE=/etc/npm-authorities.pem"]),
  ];
  const content = createHash("sha256").update([process.version, process.arch, authorities, ...lines].join("\n"));
  const tag = `throughline-test/node:${content.digest("hex").slice(0, 12)}`;
  if (await isThere(tag)) return tag;
  const context = await mkdtemp(join(tmpdir(), "throughline-node-image-"));
  try {
    await copyFile(process.execPath, join(context, "node"));
    await cp(await findNpm(), join(context, "npm"), { recursive: true, dereference: true });
    await writeFile(join(context, "authorities.pem"), authorities);
    await writeFile(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
    await docker("build", "--quiet", "--force-rm", "--tag", tag, context);
  } finally {
    await rm(context, { recursive: true, force: true });
  }
  return tag;
}

/** Empty where it is not set. */
async function npmSetting(name: string): Promise<string> {
  const value = (await run("npm", ["config", "get", name])).stdout.trim();
  return value === "null" || value === "undefined" ? "" : value;
}

/** The directory of the npm that runs this, or that would. */
async function findNpm(): Promise<string> {
  const cli = process.env["npm_execpath"] ?? (await run("sh", ["-c", "command -v npm"])).stdout.trim();
  return dirname(dirname(await realpath(cli)));
}

async function isThere(image: string): Promise<boolean> {
  return (await docker("images", "--quiet", image)) !== "";
}

async function isInstalled(program: string): Promise<boolean> {
  return run("sh", ["-c", `command -v ${program}`]).then(
    () => true,
    () => false,
  );
}

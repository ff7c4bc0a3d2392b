/** A Redis that speaks TLS only, with an authority of its own, and certificates of every kind that must be refused. */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { skip } from "./test.ts";

const run = promisify(execFile);

/** Files in PEM; `path` is where they lie, for whoever takes paths. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certPath: string;
  readonly keyPath: string;
}

export interface Authority extends AsyncDisposable {
  /** The authority's own certificate. */
  readonly ca: string;
  readonly caPath: string;
  /** Signs a certificate for hosts such as `DNS:localhost` and `IP:127.0.0.1`; expired a day ago if so wanted. */
  issue(name: string, hosts: string, isExpired?: boolean): Promise<Certificate>;
}

/** Skips the running test where there is no openssl. */
export async function createAuthority(): Promise<Authority> {
  const directory = await mkdtemp(join(tmpdir(), "throughline-tls-"));
  const openssl = async (...args: readonly string[]): Promise<void> => {
    await run("openssl", args, { cwd: directory });
  };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    await openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test");
  } catch (error) {
    await rm(directory, { recursive: true });
    if ((error as NodeJS.ErrnoException).code === "ENOENT") skip("there is no openssl on this machine");
    throw error;
  }
  const read = (file: string): Promise<string> => readFile(join(directory, file), "utf8");
  return {
    ca: await read("ca.pem"),
    caPath: join(directory, "ca.pem"),
    issue: async (name, hosts, isExpired = false) => {
      await openssl("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      await writeFile(join(directory, `${name}.ext`), `subjectAltName=${hosts}\n`);
      const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", `${name}.ext`];
      const days = isExpired ? "-1" : "1";
      await openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.pem`, "-days", days, ...signing);
      return {
        cert: await read(`${name}.pem`),
        key: await read(`${name}.key`),
        certPath: join(directory, `${name}.pem`),
        keyPath: join(directory, `${name}.key`),
      };
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

export interface TlsRedis extends AsyncDisposable {
  readonly port: number;
}

/**
 * On 127.0.0.1. `clients`: whether a client must show a certificate of the authority. Skips the running test where there is no
 * redis-server that knows TLS.
 */
export async function startTlsRedis(
  { caPath }: Pick<Authority, "caPath">,
  { certPath, keyPath }: Pick<Certificate, "certPath" | "keyPath">,
  options: { readonly password?: string; readonly clients?: "yes" | "no" } = {},
): Promise<TlsRedis> {
  const port = await freePort();
  const { password, clients = "no" } = options;
  const args = ["--port", "0", "--bind", "127.0.0.1", "--tls-port", String(port), "--save", "", "--appendonly", "no"];
  args.push("--tls-cert-file", certPath, "--tls-key-file", keyPath, "--tls-ca-cert-file", caPath);
  args.push("--tls-auth-clients", clients, ...(password === undefined ? [] : ["--requirepass", password]));
  const server = spawn("redis-server", args, { stdio: ["ignore", "pipe", "pipe"], cwd: tmpdir() });
  const said: string[] = [];
  const outcome = await new Promise<"ready" | "ended" | "missing">((resolve) => {
    server.once("error", () => resolve("missing"));
    server.once("close", () => resolve("ended"));
    createInterface({ input: server.stdout }).on("line", (line) => {
      said.push(line);
      if (line.includes("Ready to accept connections")) resolve("ready");
    });
    createInterface({ input: server.stderr }).on("line", (line) => said.push(line));
  });
  if (outcome === "missing") skip("there is no redis-server on this machine's path");
  const text = said.join("\n");
  if (outcome === "ended" && /Bad directive|without.*TLS|BUILD_TLS/i.test(text))
    skip("this machine's redis-server has no TLS");
  if (outcome === "ended") throw new Error(`redis-server did not start:\n${text}`);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.kill("SIGTERM");
      await closed;
    },
  };
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Bundles the page: for the package when it is built, and in a checkout when the console starts. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The page's files, by name. Needs esbuild, a development dependency. */
export async function bundlePage(): Promise<readonly (readonly [name: string, bytes: Buffer])[]> {
  const { build } = await import("esbuild");
  const source = (name: string): string => fileURLToPath(new URL(`app/${name}`, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [source("main.tsx")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    outdir: "page",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "silent",
  });
  return [
    ["index.html", readFileSync(source("index.html"))],
    ["icon.svg", readFileSync(source("icon.svg"))],
    ...outputFiles.map(({ path, contents }) => [path.slice(path.lastIndexOf("/") + 1), Buffer.from(contents)] as const),
  ];
}

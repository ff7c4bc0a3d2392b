/** The image's entry: `run.ts NAME …ARGUMENTS` runs that program in this process, so that signals reach it. */

const programs: Readonly<Record<string, () => Promise<unknown>>> = {
  "order-manager": () => import("../producers/order-manager/main.ts"),
  algorithm: () => import("../consumers/algorithm/main.ts"),
  "order-sender": () => import("../consumers/order-sender/main.ts"),
  venue: () => import("../trading/venue/main.ts"),
  throughline: () => import("../trading/pipeline/throughline.ts"),
};

// Compose sets a variable or sets it empty; it cannot leave one out.
const { env } = process;
for (const one of ["PARTITIONS", "REDIS_CLUSTER"]) if (env[one] === "") delete env[one];
if (env["REDIS_CLUSTER"] !== undefined) delete env["REDIS_URL"];

const [name = ""] = process.argv.splice(2, 1);
const start = Object.hasOwn(programs, name) ? programs[name] : undefined;
if (start === undefined) {
  const isHelp = name === "--help" || name === "-h";
  const line = `Name what to run: ${Object.keys(programs).join(", ")}. Each takes --help.\n`;
  (isHelp ? process.stdout : process.stderr).write(line);
  process.exitCode = isHelp ? 0 : 2;
} else {
  await start();
}

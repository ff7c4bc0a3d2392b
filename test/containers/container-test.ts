/** `containerTest`: a test that needs a Docker engine. Everything that it makes is removed after it, whatever its result. */

import { skip, type TestOptions, test } from "../support/test.ts";
import { findProblem, labelOf, newOwner, type Owner, removeAll } from "./engine.ts";
import { type ImageSource, provideComponent, provideServers } from "./images.ts";

// Testcontainers' own reaper needs an image that is not available everywhere. Containers of tests have our label, by which they are removed.
process.env["TESTCONTAINERS_RYUK_DISABLED"] ??= "true";
// Ports are published on loopback. Inside of a machine that is a container itself, Testcontainers would try the bridge's address.
process.env["TESTCONTAINERS_HOST_OVERRIDE"] ??= "127.0.0.1";

/** The variables by which the runner passes its findings about the engine to all files; a file that runs by itself makes its own. */
const names = {
  images: "THROUGHLINE_TEST_IMAGES",
  /** The reason why no container can be started. */
  problem: "THROUGHLINE_TEST_CONTAINERS_PROBLEM",
  /** The reason why there is no image of the components. */
  componentProblem: "THROUGHLINE_TEST_COMPONENT_PROBLEM",
} as const;

export interface ContainerTestOptions extends TestOptions {
  /** True where the test needs the image of the components too. */
  readonly component?: boolean;
}

export interface Prepared {
  /** The origin of the servers' images; undefined where there are none. */
  readonly images: ImageSource | undefined;
  /** The reasons why there is no engine, or no image. */
  readonly problems: readonly string[];
  /** The variables for the tests. */
  readonly env: Readonly<Record<string, string>>;
}

/** Makes the missing images. */
export async function prepareContainers(): Promise<Prepared> {
  const without = (problem: string): Prepared => ({
    images: undefined,
    problems: [problem],
    env: { [names.problem]: problem, [names.componentProblem]: problem },
  });
  const engine = await findProblem();
  if (engine !== undefined) return without(engine);
  let images: ImageSource;
  try {
    images = await provideServers();
  } catch (error) {
    return without(`the servers' images cannot be had: ${lastLineOf(error)}`);
  }
  const componentProblem = await provideComponent(images).then(
    () => "",
    (error: unknown) => `the components' image cannot be made: ${lastLineOf(error)}`,
  );
  return {
    images,
    problems: componentProblem === "" ? [] : [componentProblem],
    env: { [names.images]: images, [names.problem]: "", [names.componentProblem]: componentProblem },
  };
}

/** Registers a test that is skipped, with the reason, where there is no engine; with `THROUGHLINE_CONTAINERS=required` it fails there. */
export function containerTest(
  name: string,
  run: (owner: Owner) => Promise<void>,
  { component = false, ...options }: ContainerTestOptions = {},
): void {
  const whole = async (): Promise<void> => {
    const key = component ? names.componentProblem : names.problem;
    if (process.env[key] === undefined) Object.assign(process.env, (await prepareContainers()).env);
    const problem = process.env[key] ?? "";
    if (problem !== "") {
      if (process.env["THROUGHLINE_CONTAINERS"] === "required") throw new Error(problem);
      skip(problem);
    }
    const owner = newOwner();
    let failure: unknown;
    try {
      await run(owner);
    } catch (error) {
      failure = error ?? new Error("the test threw nothing");
    }
    const left = await removeAll(labelOf(owner));
    if (failure !== undefined) throw failure;
    if (left.length > 0) throw new Error(`the test left behind: ${left.join(", ")}`);
  };
  test(name, whole, { timeoutMs: 120_000, ...options });
}

function lastLineOf(error: unknown): string {
  return (error as Error).message.trim().split("\n").at(-1) ?? "";
}

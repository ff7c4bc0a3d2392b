/** `pythonWith`: a Python that has these packages, for tests of programs in another language; the test is skipped where there is none. */

import { execFileSync } from "node:child_process";
import { skip } from "./test.ts";

/** CI names the Python that it has installed the packages for. */
export function pythonWith(...modules: readonly string[]): string {
  const { THROUGHLINE_PYTHON: given } = process.env;
  const candidates = [...(given === undefined ? [] : [given]), "python3", "/usr/bin/python3"];
  const python = candidates.find((name) => answers(name, "-c", `import ${modules.join(", ")}`));
  return (
    python ??
    skip(`no Python here has ${modules.join(" and ")}: pip install redis opentelemetry-sdk, and set THROUGHLINE_PYTHON`)
  );
}

export function answers(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

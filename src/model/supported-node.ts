/** The Node versions that the package runs on. Written so that a Node which is too old can still read this file. */

const oldest = [22, 15] as const;

/** One sentence where this version of Node, such as "20.19.0", is too old. */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return undefined;
  return `Throughline needs Node ${oldest.join(".")} or newer, and this is Node ${version}: install one from https://nodejs.org, or with your version manager`;
}

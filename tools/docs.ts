/**
 * Finds what is wrong with Markdown documents: code that differs from the file it was taken from, code with imports that was taken from
 * no file, dead relative links, and paths of the checkout that do not exist.
 */

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * The problems of one document, a line each. A fenced block directly under `<!-- from FILE -->` or `<!-- from FILE#REGION -->`
 * must equal the file, or what stands in it between `// #region REGION` and `// #endregion REGION`. A block that imports something must have
 * such a mark, because a test runs the file and nothing runs the block. Paths of files are relative to `root`, links to the document.
 */
export function problemsOf(root: string, document: string): readonly string[] {
  const text = readFileSync(join(root, document), "utf8");
  return [
    ...staleBlocks(root, text),
    ...looseImports(text),
    ...deadLinks(root, document, text),
    ...(tellsOfThePast(document) ? [] : missingPaths(root, text)),
  ].map((problem) => `${document}: ${problem}`);
}

const takenBlock = /^<!-- from ([^\s#]+)(?:#(\S+))? -->\n+(?:```\w*\n(.*?)\n```$)?/gms;

function staleBlocks(root: string, text: string): string[] {
  return [...text.matchAll(takenBlock)].flatMap(([, file = "", region, block]) => {
    const name = region === undefined ? file : `${file}#${region}`;
    if (block === undefined) return [`no fenced block stands under the mark "from ${name}"`];
    if (!existsSync(join(root, file))) return [`a block is taken from ${file}, which does not exist`];
    const source = readFileSync(join(root, file), "utf8");
    const part = region === undefined ? source.trim() : regionOf(source, region);
    if (part === undefined) return [`a block is taken from ${name}, and the file has no such region`];
    return part === block ? [] : [`the block from ${name} differs from it: ${firstDifference(part, block)}`];
  });
}

/** A line that takes something from a package or module: of TypeScript and JavaScript, of Python, of Rust. */
const importLine =
  /^\s*(?:import\s+(?:type\s+)?(?:.*\bfrom\s.*|["'].*|\{|[\w.]+(?: as \w+)?)|from\s+\S+\s+import\b.*|use\s+\w+::.*|.*\brequire\(.*)$/m;

function looseImports(text: string): string[] {
  const unmarked = text.replace(takenBlock, "");
  return [...unmarked.matchAll(/^([ \t]*)```\w*\n(.*?)\n\1```$/gms)].flatMap(([, , block = ""]) => {
    const line = importLine.exec(block)?.[0].trim();
    return line === undefined
      ? []
      : [`the block with ${JSON.stringify(line)} is taken from no file: mark it "<!-- from FILE#REGION -->"`];
  });
}

/** The region's lines, moved to the left margin. */
function regionOf(source: string, region: string): string | undefined {
  const lines = source.split("\n");
  const start = lines.findIndex((line) => line.trim() === `// #region ${region}`);
  const end = lines.findIndex((line) => line.trim() === `// #endregion ${region}`);
  if (start === -1 || end < start) return undefined;
  const part = lines.slice(start + 1, end);
  const margin = Math.min(...part.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  return part
    .map((line) => line.slice(margin))
    .join("\n")
    .trim();
}

function firstDifference(source: string, block: string): string {
  const [expected, found] = [source.split("\n"), block.split("\n")];
  const at = expected.findIndex((line, i) => line !== found[i]);
  const line = at === -1 ? expected.length : at;
  return `line ${line + 1} should be ${JSON.stringify(expected[line] ?? "(no line)")}, and is ${JSON.stringify(found[line] ?? "(no line)")}`;
}

function deadLinks(root: string, document: string, text: string): string[] {
  const prose = text.replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#", 2);
    const file = path === "" ? document : join(dirname(document), path);
    if (!existsSync(join(root, file))) return [`the link to ${target} leads nowhere`];
    if (anchor === undefined || !file.endsWith(".md")) return [];
    return anchorsOf(readFileSync(join(root, file), "utf8")).includes(anchor)
      ? []
      : [`the link to ${target} names no heading`];
  });
}

/** A path of the checkout, as code within a sentence. */
const pathInProse = /`((?:src|trading|producers|consumers|test|bench|tools|docs|docker)\/[\w./-]*)`/g;

function missingPaths(root: string, text: string): string[] {
  const prose = text.replace(/^```.*?^```$/gms, "");
  return [...new Set([...prose.matchAll(pathInProse)].map(([, path = ""]) => path))].flatMap((path) =>
    existsSync(join(root, path)) ? [] : [`the path ${path} does not exist`],
  );
}

/** The changelog and the decisions name files as they were then. */
function tellsOfThePast(document: string): boolean {
  return basename(document) === "CHANGELOG.md" || dirname(document).endsWith("decisions");
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  const headings = text.replace(/^```.*?^```$/gms, "").matchAll(/^#+ +(.*)$/gm);
  return [...headings].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

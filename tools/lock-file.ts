/**
 * Completes the lock file. It must name the optional packages of every platform: `npm ci` refuses it otherwise, on all
 * platforms.
 */

export interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** The optional packages that are required and missing, by their paths in the lock file. */
export function missingOptionals({ packages }: LockFile): ReadonlyMap<string, LockedPackage> {
  const missing = new Map<string, LockedPackage>();
  for (const [place, { optionalDependencies = {}, dev }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const isThere = candidatePlaces(place, name).some((candidate) => candidate in packages);
      if (!isThere)
        missing.set(`node_modules/${name}`, { version, ...(dev && { dev }), optional: true, ...platformOf(name) });
    }
  }
  return missing;
}

/** The lock file with the missing packages, in npm's order. */
export function completed<L extends LockFile>(lock: L): L {
  const packages = { ...lock.packages, ...Object.fromEntries(missingOptionals(lock)) };
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

/** The paths at which Node looks for a package, from the inside out. */
function candidatePlaces(place: string, name: string): readonly string[] {
  const steps = place === "" ? [] : place.split(/\/?node_modules\//).slice(1);
  return steps
    .map(
      (_, i) =>
        `${steps
          .slice(0, steps.length - i)
          .map((step) => `node_modules/${step}`)
          .join("/")}/node_modules/${name}`,
    )
    .concat(`node_modules/${name}`);
}

/** The platform of a package by its name, such as `cli-linux-x64-musl`. */
function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> {
  const [, os, cpu, libc] =
    /(aix|android|darwin|freebsd|linux|openbsd|win32)-(arm64|arm|ia32|x64)(?:-(musl|glibc))?$/.exec(name) ?? [];
  return { ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }), ...(os && { os: [os] }) };
}

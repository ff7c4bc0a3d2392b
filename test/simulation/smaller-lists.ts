/** Lists with less in them than one has, for whoever makes a failing plan smaller. */

/** Without a half or a quarter. */
export function* withoutParts<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (const share of [2, 4]) {
    for (let part = 0; part < share; part++) {
      const rest = list.filter((_, i) => Math.floor((i * share) / list.length) !== part);
      if (rest.length < list.length) yield rest;
    }
  }
}

export function* withoutOne<T>(list: readonly T[]): Iterable<readonly T[]> {
  for (const i of list.keys()) yield list.filter((_, other) => other !== i);
}

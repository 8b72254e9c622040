import { formatDuration } from '../core/duration.ts';

/** Keys and indexes from the document's root. */
export type Path = readonly (string | number)[];

/** A value that is right by itself and wrong beside another one. */
export interface Conflict {
  readonly path: Path;
  readonly message: string;
  readonly expected: string;
  readonly hint: string;
  /** The other value, where there is one to point at. */
  readonly other: Path | null;
}

export interface RelationOptions {
  readonly allowEmpty: boolean;
  /** True for a path whose own value was refused already: it is left out, so that one slip gives one error. Null: none was. */
  readonly isRefused: IsRefused | null;
}
type IsRefused = (path: Path) => boolean;

/**
 * What only shows when two values are seen together. `document` is the schema's output; it may be only partly valid, so
 * that these errors come in the same run as the others.
 */
export function conflicts(document: unknown, { allowEmpty, isRefused }: RelationOptions): Conflict[] {
  const vips = column(document, ['vips'], 'address', isRefused);
  const directors = column(document, ['directors'], null, isRefused);
  const realServers = column(document, ['farm', 'realServers'], 'rip', isRefused);
  const found: Conflict[] = [];
  const list = at(document, ['vips']);
  if (Array.isArray(list) && list.length === 0 && !allowEmpty) found.push(NO_VIPS);

  const firstVip = findDuplicates(vips, 'VIP', found);
  findDuplicates(directors, 'director', found);
  findDuplicates(realServers, 'real server', found);
  findVips(directors, firstVip, vips, "director's own address", found);
  findVips(realServers, firstVip, vips, "real server's own address", found);
  const rip = isRefused?.(['rip']) === true ? undefined : at(document, ['rip']);
  if (typeof rip === 'string') {
    const asVip = firstVip.get(rip);
    if (asVip !== undefined)
      found.push({ path: ['rip'], other: vips.path(asVip), ...isVip("real server's own address") });
    const asDirector = directors.texts.indexOf(rip);
    if (asDirector >= 0 && at(document, ['role']) === 'real-server') {
      found.push({ path: directors.path(asDirector), other: ['rip'], ...OWN_DIRECTOR });
    }
  }
  if (Array.isArray(list)) found.push(...list.flatMap((vip, index) => sameServices(vip, index, isRefused)));
  const lease = leaseConflict(document, isRefused);
  return lease === null ? found : [...found, lease];
}

/** The texts of a list, or of one key of each of its mappings; undefined where there is none or it was refused. */
interface Column {
  readonly texts: readonly (string | undefined)[];
  /** Only made for a conflict: paths of a thousand VIPs that are all right would cost more than the comparison. */
  readonly path: (index: number) => Path;
}

function column(document: unknown, list: Path, key: string | null, isRefused: IsRefused | null): Column {
  const path = (index: number): Path => (key === null ? [...list, index] : [...list, index, key]);
  const items = at(document, list);
  if (!Array.isArray(items)) return { texts: [], path };
  const texts = items.map((item: unknown, index) => {
    const text = key === null ? item : at(item, [key]);
    return typeof text === 'string' && isRefused?.(path(index)) !== true ? text : undefined;
  });
  return { texts, path };
}

/** Adds a conflict for every text that was there before; gives the first index of each. */
function findDuplicates({ texts, path }: Column, what: string, found: Conflict[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  for (const [index, text] of texts.entries()) {
    if (text === undefined) continue;
    const other = first.get(text);
    if (other === undefined) first.set(text, index);
    else found.push({ path: path(index), other: path(other), ...twice(what) });
  }
  return first;
}

function findVips(
  column: Column,
  firstVip: ReadonlyMap<string, number>,
  vips: Column,
  what: string,
  found: Conflict[],
): void {
  for (const [index, text] of column.texts.entries()) {
    const other = text === undefined ? undefined : firstVip.get(text);
    if (other !== undefined) found.push({ path: column.path(index), other: vips.path(other), ...isVip(what) });
  }
}

function sameServices(vip: unknown, vipIndex: number, isRefused: IsRefused | null): Conflict[] {
  const services = at(vip, ['services']);
  if (!Array.isArray(services) || services.length < 2) return [];
  const path = (index: number): Path => ['vips', vipIndex, 'services', index, 'port'];
  const texts = services.map((service: unknown, index) => {
    const port = at(service, ['port']);
    return typeof port === 'number' && isRefused?.(path(index)) !== true
      ? `${at(service, ['protocol'])}/${port}`
      : undefined;
  });
  const found: Conflict[] = [];
  findDuplicates({ texts, path }, 'service', found);
  return found;
}

function leaseConflict(document: unknown, isRefused: IsRefused | null): Conflict | null {
  const [interval, lease] = [at(document, ['responder', 'interval']), at(document, ['responder', 'lease'])];
  if (typeof interval !== 'number' || typeof lease !== 'number' || lease > interval) return null;
  if (isRefused?.(['responder', 'interval']) === true || isRefused?.(['responder', 'lease']) === true) return null;
  return {
    path: ['responder', 'lease'],
    other: ['responder', 'interval'],
    message: 'the lease would end before the host is looked at again',
    expected: `a lease longer than the interval of ${formatDuration(interval)}`,
    hint: 'write a lease of about five intervals',
  };
}

function at(value: unknown, path: Path): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== 'object' || current === null) return undefined;
    current = (current as Readonly<Record<string | number, unknown>>)[key];
  }
  return current;
}

const NO_VIPS: Conflict = {
  path: ['vips'],
  other: null,
  message: 'no VIP at all',
  // An empty list is what a template with a forgotten variable gives, and with --prune it would take every VIP away.
  expected: 'at least one VIP',
  hint: 'add one, or use --allow-empty if this host is to have none',
};

const twice = (what: string) => ({
  message: `the same ${what} twice`,
  expected: `each ${what} once`,
  hint: 'delete one of them',
});

const isVip = (what: string) => ({
  message: 'this address is also a VIP',
  expected: `the ${what}`,
  // A host that owns the VIP drops packets that come from it, as "martian source" (fib_validate_source).
  hint: 'a VIP belongs to the whole farm and cannot be the address of one host: correct one of the two',
});

const OWN_DIRECTOR = {
  message: 'this host would be its own director',
  expected: "the director's own address",
  hint: 'correct it, or write "role: localnode" if this host is a director too',
};

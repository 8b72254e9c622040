import { LEDGER_FORMAT } from '../../core/model/ledger.ts';
import { isJson } from './ledger-shape.ts';

type Json = Readonly<Record<string, unknown>>;

/** From each older format to the one after it. What is not shaped as that format says is left as it is: it fails the check that follows. */
const STEPS: Readonly<Record<number, (ledger: Json) => Json>> = { 1: fromFormat1 };

/** A ledger of an older format as one of today's; it is written so with the next write. Anything else comes back as it is. */
export function carriedOver(ledger: Json): Json {
  let carried = ledger;
  for (let format = Number(ledger.format); format < LEDGER_FORMAT; format += 1) {
    const step = STEPS[format];
    if (step === undefined) return ledger;
    carried = { ...step(carried), format: format + 1 };
  }
  return carried;
}

/** Format 1 held a sysctl as its path, `["net","ipv4","conf","eth0.100","arp_ignore"]`: in what is owned, and in what takes a --confirm back. */
function fromFormat1(ledger: Json): Json {
  const { sysctls, unconfirmed } = ledger;
  return {
    ...ledger,
    sysctls: each(sysctls, toSetting),
    ...(isJson(unconfirmed)
      ? {
          unconfirmed: {
            ...unconfirmed,
            undo: each(unconfirmed.undo, (group) =>
              each(group, (action) => (isJson(action) && action.kind === 'set-sysctl' ? toSetting(action) : action)),
            ),
            // The ledger of before the unconfirmed apply is nested, and was written by the same version or an earlier one.
            previous: isJson(unconfirmed.previous) ? carriedOver(unconfirmed.previous) : unconfirmed.previous,
          },
        }
      : {}),
  };
}

function toSetting(item: unknown): unknown {
  if (!isJson(item) || !Array.isArray(item.path) || item.path.length !== 5) return item;
  const { path, ...rest } = item;
  const [net, ipv4, conf, scope, key] = path;
  return net === 'net' && ipv4 === 'ipv4' && conf === 'conf' ? { setting: { scope, key }, ...rest } : item;
}

const each = (list: unknown, map: (item: unknown) => unknown): unknown => (Array.isArray(list) ? list.map(map) : list);

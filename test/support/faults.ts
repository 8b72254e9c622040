// Things that go wrong on a host, made to go wrong on purpose: only for the process they are put in front of, in a mount
// namespace of its own. `agent.host.run(under(fault, agent.argv('apply')))`.
import { copyFileSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Agent } from './rsprep.ts';

/** Shell commands that run first, in a private mount namespace. */
export type Fault = readonly string[];

export function under(fault: Fault, argv: readonly string[]): string[] {
  if (fault.length === 0) return [...argv];
  return ['unshare', '-m', 'sh', '-c', `set -e; ${fault.join('; ')}; exec "$@"`, 'sh', ...argv];
}

const conf = (scope: string, key: string): string => `/proc/sys/net/ipv4/conf/${scope}/${key}`;

/** The sysctl can be read, and every write fails with EROFS. */
export const unwritable = (scope: string, key: string): Fault => {
  const file = conf(scope, key);
  return [`mount --bind ${file} ${file}`, `mount -o remount,bind,ro ${file}`];
};

/**
 * The sysctl takes every write and then reads back something else, as if another program were setting it: a file of the
 * kernel's that rounds (oom_adj is kept in other units: 1 reads back as 0, 2 as 1).
 */
export const contrary = (scope: string, key: string): Fault => [`mount --bind /proc/$$/oom_adj ${conf(scope, key)}`];

export const readOnly = (folder: string): Fault => [
  `mount --bind ${folder} ${folder}`,
  `mount -o remount,bind,ro ${folder}`,
];

/** slow: says by a file `real.busy` that it has begun, and does its work a second later. */
export type Trip = 'fail' | 'hang' | 'rubbish' | 'killed' | 'slow';

/**
 * `ip` that trips at the first line of a batch, or the first call, that matches an extended regular expression; what comes
 * before that line is really done, as the real `ip -batch` does it, and everything else goes to the real `ip`.
 * @param times how often it trips; from then on all goes to the real `ip`.
 */
export function badIp(agent: Agent, trip: Trip, pattern: string, times = Number.POSITIVE_INFINITY): Fault {
  const folder = join(agent.root, 'bad-ip');
  const real = join(folder, 'real');
  const fake = join(folder, `ip-${trip}-${Buffer.from(pattern).toString('hex').slice(0, 60)}-${times}`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(realpathSync('/bin/ip'), real);
  writeFileSync(`${real}.tripped`, '');
  writeFileSync(fake, script(real, trip, pattern, Number.isFinite(times) ? times : 1_000_000), { mode: 0o755 });
  return [`mount --bind ${fake} ${realpathSync('/bin/ip')}`];
}

/** The local route of an address is not there yet when it is first looked for: the kernel's workqueue adds it (addrconf_dad_work()). */
export function lateLocalRoute(agent: Agent, ip: string): Fault {
  const folder = join(agent.root, 'late-ip');
  const real = join(folder, 'real');
  mkdirSync(folder, { recursive: true });
  copyFileSync(realpathSync('/bin/ip'), real);
  const wrapper = `#!/bin/sh
case " $* " in *" -batch "*) cat >"${real}.in.$$" ;; *) : >"${real}.in.$$" ;; esac
said=$("${real}" "$@" <"${real}.in.$$"); status=$?
case "$* $(cat "${real}.in.$$") $said" in
-6*'route show table local'*'"dst":"${ip}"'*) [ -e "${real}.late" ] || { : >"${real}.late"; said=$(echo "$said" | sed 's/${ip}"/fd00::dead"/'); } ;;
esac
rm "${real}.in.$$"
printf '%s\\n' "$said"
exit $status
`;
  writeFileSync(join(folder, 'ip'), wrapper, { mode: 0o755 });
  return [`mount --bind ${join(folder, 'ip')} ${realpathSync('/bin/ip')}`];
}

/** `ip` cannot be found: a script whose interpreter is not there is ENOENT to execve(2), just as a missing file is. */
export function missingIp(agent: Agent): Fault {
  const file = join(agent.root, 'no-ip');
  writeFileSync(file, '#!/nowhere\n', { mode: 0o755 });
  return [`mount --bind ${file} ${realpathSync('/bin/ip')}`];
}

const TRIPS: Readonly<Record<Trip, string>> = {
  fail: `echo 'RTNETLINK answers: Operation not permitted' >&2; [ "$1" -eq 0 ] || echo "Command failed -:$1" >&2; exit 1`,
  hang: 'exec sleep 600',
  rubbish: `echo '<html>502 Bad Gateway</html>'; exit 0`,
  killed: 'kill -9 $$',
  slow: '',
};

function script(real: string, trip: Trip, pattern: string, times: number): string {
  if (trip === 'slow') return slowScript(real, pattern);
  return `#!/bin/sh
real='${real}'
input="$real.in.$$"
tripped="$real.tripped"
[ "$(wc -c <"$tripped")" -lt ${times} ] || exec "$real" "$@"
trip() { printf x >>"$tripped"; ${TRIPS[trip]}; }
case " $* " in
*" -batch "*)
  cat >"$input"
  line=$(grep -nE '${pattern}' "$input" | head -n 1 | cut -d: -f1)
  if [ -z "$line" ]; then "$real" "$@" <"$input"; status=$?; rm -f "$input"; exit $status; fi
  [ "$line" -le 1 ] || head -n $((line - 1)) "$input" | "$real" "$@" || exit
  rm -f "$input"
  trip "$line" ;;
*)
  if echo "$*" | grep -qE '${pattern}'; then trip 0; fi
  exec "$real" "$@" ;;
esac
`;
}

function slowScript(real: string, pattern: string): string {
  return `#!/bin/sh
real='${real}'
input="$real.in.$$"
case " $* " in
*" -batch "*)
  cat >"$input"
  if grep -qE '${pattern}' "$input"; then touch "$real.busy"; sleep 1; fi
  "$real" "$@" <"$input" ;;
*)
  if echo "$*" | grep -qE '${pattern}'; then touch "$real.busy"; sleep 1; fi
  exec "$real" "$@" ;;
esac
`;
}

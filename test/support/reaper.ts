// Whatever happens to the test run (a failed assertion, Ctrl-C, SIGKILL), its namespaces, processes and folders go.
// A small detached shell holds the read end of a pipe whose write end only this process has: end of file means that this
// process is gone, however it went.
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Every namespace and temporary folder of this process has a name that begins with this. */
const ownPrefix = `rsp${process.pid}-`;

const script = `
cat >/dev/null
for ns in $(ip netns list | cut -d' ' -f1 | grep "^$1"); do
  ip netns pids "$ns" | xargs -r kill -9
  ip netns del "$ns"
done
grep -l " $2/$1" /proc/self/mountinfo >/dev/null && awk -v p="$2/$1" 'index($5, p) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
rm -rf "$2/$1"*
`;

let started = false;

export function startReaper(): void {
  if (started) return;
  started = true;
  const reaper = spawn('/bin/sh', ['-c', script, 'reaper', ownPrefix, tmpdir()], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  reaper.unref();
  const pipe = reaper.stdin as unknown as { unref?: () => void };
  pipe.unref?.();
}

let serial = 0;

export function uniqueName(): string {
  serial += 1;
  return `${ownPrefix}${serial}`;
}

export function uniqueFolder(): string {
  return join(tmpdir(), uniqueName());
}

// The lab's first process: pid 1 of a process namespace of its own, with private mounts and network. When it ends, in whatever
// way, the kernel ends everything in the lab, and namespaces, mounts and files go with that.

import { ownScript } from './child.ts';
import { mountFolder } from './folder.ts';
import type { LabEvent, LabOptions } from './protocol.ts';
import { LabError } from './remote.ts';
import { runScenario } from './scenario.ts';
import { KEPT, labTitle } from './standing.ts';

/** Runs the lab; returns when it is over, or when the command in front is gone. Never returns for a kept lab. */
export async function runInside(options: LabOptions): Promise<void> {
  process.title = labTitle(options.id, 'running');
  let kept = false;
  const abandoned = new Promise<void>((gone) => {
    process.once('disconnect', () => {
      if (!kept) gone();
    });
  });
  const finished = (async () => {
    const ok = await attempt(options);
    kept = options.keep && ok !== 'broken';
    if (kept) process.title = labTitle(options.id, KEPT);
    await tell({ kind: 'ended', ok: ok === true, kept });
    if (kept) await new Promise(() => undefined);
  })();
  await Promise.race([finished, abandoned]);
}

async function attempt(options: LabOptions): Promise<boolean | 'broken'> {
  try {
    const folder = await mountFolder([process.execPath, ownScript()]);
    return await runScenario(options, folder, (event) => void tell(event));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const next = error instanceof LabError ? error.next : 'this is a bug in rsprep';
    await tell({ kind: 'broken', message, next });
    return 'broken';
  }
}

/** Resolves when the event is on its way, so that ending does not cut it off. */
function tell(event: LabEvent): Promise<void> {
  return new Promise((sent) => {
    // An error means that the command in front is gone: runInside() hears of that by 'disconnect'.
    if (process.send) process.send(event, undefined, {}, () => sent());
    else sent();
  });
}

import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundle } from '../../support/rsprep.ts';
import { CHECKOUT } from './root.ts';
import type { Guest } from './uml.ts';

export const VIP = '10.0.0.100';

/** What an administrator does: copy the package to the host, `rsprep install`, write the configuration. */
export async function installRsprep(guest: Guest, config: string, ...options: readonly string[]): Promise<string> {
  const to = join(guest.share, 'package');
  mkdirSync(to, { recursive: true });
  cpSync(dirname(bundle), join(to, 'dist'), { recursive: true, dereference: true });
  cpSync(join(CHECKOUT, 'units'), join(to, 'units'), { recursive: true });
  return await guest.ok(
    `mkdir -p /etc/rsprep && cat > /etc/rsprep/rsprep.yaml <<'END'
${config}
END
    /opt/node/node /share/package/dist/rsprep.cjs install --node /opt/node/node ${options.join(' ')}`,
    { timeoutMs: 60_000 },
  );
}

/** Exit code and output of rsprep in the guest. Node starts slowly in UML. */
export const rsprep = (guest: Guest, words: string) => guest.sh(`rsprep ${words}`, { timeoutMs: 60_000 });

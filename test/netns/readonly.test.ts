// verify looks and never touches: shown by the system calls it makes, by a root it cannot write, and by a user who may not.
import { chmodSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VIP, VIP6, withNetwork } from '../support/netns.ts';
import type { Outcome } from '../support/process.ts';
import { type Agent, agentOn, expectCode, findingsOf } from '../support/rsprep.ts';
import { snapshot } from '../support/snapshot.ts';

const config = { version: 1, vips: [VIP, VIP6] };
const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'];

/** Every call of the kinds that can change a file system, a host or another process. */
const TRACED = [
  'open,openat,openat2,creat,truncate,ftruncate,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,link,linkat',
  'symlink,symlinkat,mknod,mknodat,chmod,fchmod,fchmodat,chown,fchown,lchown,fchownat,utimensat,setxattr,lsetxattr',
  'fsetxattr,mount,umount2,sethostname,kill,tkill,sendto,sendmsg,sendmmsg,flock,unshare,setns',
].join(',');

function traced(agent: Agent, log: string): readonly string[] {
  const strace = ['strace', '-f', '-qq', '-o', log, '-e', `trace=${TRACED}`];
  expectCode(agent.host.run([...strace, ...agent.argv('verify')], { timeoutMs: 60_000 }), 0, 2);
  return readFileSync(log, 'utf8').split('\n').filter(Boolean);
}

/** What is left after the calls that only look. */
function suspicious(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => {
    if (/resumed>|\+\+\+ |--- /.test(line)) return false;
    if (/\bopen(at|at2)?\(/.test(line))
      return /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/.test(line) && !/"\/dev\/null"/.test(line);
    // Netlink dumps ask; everything that changes has another type. (0xa01 and 0xa10 are nftables' GETTABLE
    // and GETGEN, where strace does not know them.)
    if (
      /\bsend(to|msg)\(/.test(line) &&
      /nlmsg_type=(RTM_GET\w+|NFNL_SUBSYS_NFTABLES<<8\|NFT_MSG_GET\w+|0xa(01|10) |0x[0-9a-f]+ \/\* .*GET|NLMSG_DONE)/.test(
        line,
      )
    )
      return false;
    return true;
  });
}

describe('without the privilege', () => {
  it('verify says what it could not see; a probe that was asked for and not made is never fine', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      chmodSync(agent.file('var/lib/rsprep'), 0o700);
      const ask = (...words: string[]): Outcome => net.rs.run([...asNobody, ...agent.argv(...words)]);
      const plain = expectCode(ask('verify'), 0).stdout;
      expect(plain).toContain('UNKNOWN  ledger@file');
      expect(plain).toContain(': prepared, as far as this user can see, 2 VIPs: 1 unknown');
      expect(expectCode(ask('verify', '--probe'), 1).stdout).toContain('UNKNOWN  probe-arp');
      const status = expectCode(ask('status'), 0).stdout;
      expect(status).toMatch(/^applied +not known: it cannot be read$/m);
      expect(status).toMatch(/^override +not known: it cannot be read$/m);
      expect(JSON.parse(ask('status', '--format', 'json').stdout).unreadable).toEqual(['ledger', 'overrides']);
      expect(expectCode(ask('remove', '--dry-run'), 77).stderr).toContain('cannot read the ledger');
    });
  });
});

describe('verify', () => {
  it('makes no system call that could change anything, on a good host and on a leaking one', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      expect(suspicious(traced(agent, agent.file('trace')))).toEqual([]);
      net.rs.arp('all', 'arp_ignore', 0);
      net.rs.ip(`addr del ${VIP}/32 dev lo`);
      expect(suspicious(traced(agent, agent.file('trace')))).toEqual([]);
    });
  });

  it('starts nft only where the kernel has a table of rules', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      const log = agent.file('trace');
      const startsNft = (): boolean => {
        const strace = ['strace', '-f', '-qq', '-o', log, '-e', 'trace=execve'];
        expectCode(net.rs.run([...strace, ...agent.argv('verify')], { timeoutMs: 60_000 }), 0);
        return readFileSync(log, 'utf8').includes('/nft", ["nft", "-j", "list", "ruleset"]');
      };
      expect(startsNft()).toBe(false);
      net.rs.must(['nft', 'add table arp mine']);
      expect(startsNft()).toBe(true);
    });
  });

  it('would be caught by that test if it wrote: apply is', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      const strace = ['strace', '-f', '-qq', '-o', agent.file('trace'), '-e', `trace=${TRACED}`];
      expectCode(net.rs.run([...strace, ...agent.argv('apply')]), 0);
      const lines = suspicious(readFileSync(agent.file('trace'), 'utf8').split('\n').filter(Boolean)).join('\n');
      expect(lines).toContain('/proc/sys/net/ipv4/conf/all/arp_ignore');
      expect(lines).toContain('RTM_NEWADDR');
      expect(lines).toContain('99-zz-rsprep.conf');
    });
  });

  it('runs as nobody, with the same verdict', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      const good = net.rs.run([...asNobody, ...agent.argv('verify', '--format', 'json')]);
      expect(findingsOf(expectCode(good, 0))).toEqual([]);

      net.rs.arp('eth0', 'arp_ignore', 3);
      const before = snapshot(net.rs);
      const bad = net.rs.run([...asNobody, ...agent.argv('verify', '--format', 'json')]);
      // Whether a filter hides the leak is for root to see, and is said.
      expect(findingsOf(expectCode(bad, 2))).toMatchObject([
        { id: 'arp-ignore@eth0', kind: 'wrong', severity: 'critical' },
        { id: 'arp-filter', kind: 'unknown', severity: 'advice', for_lack_of_privilege: true },
      ]);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });

  it('runs with everything mounted read-only', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      const script =
        'for m in / /tmp /run /proc /sys; do mount -o remount,bind,ro $m 2>/dev/null || mount --bind -o ro $m $m; done; exec "$@"';
      const argv = ['unshare', '-m', 'sh', '-c', script, 'sh', ...agent.argv('verify', '--format', 'json')];
      expect(findingsOf(expectCode(net.rs.run(argv), 0))).toEqual([]);
      const written = ['unshare', '-m', 'sh', '-c', script, 'sh', 'touch', agent.file('written')];
      expect(net.rs.run(written).code).not.toBe(0);
    });
  });

  it('says what it could not read as nobody instead of passing', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      expectCode(agent.run('apply'), 0);
      chmodSync(agent.file('etc/sysctl.d/99-zz-rsprep.conf'), 0o600);
      const outcome = net.rs.run([...asNobody, ...agent.argv('verify', '--format', 'json')]);
      const findings = findingsOf(outcome);
      expect(findings.map(({ kind }) => kind)).toContain('unknown');
      expect(outcome.code).toBe(0);
    });
  });

  it('is refused nothing that apply needs: apply as nobody ends with 77 and changes nothing', async () => {
    await withNetwork((net) => {
      const agent = agentOn(net, net.rs, config);
      const before = snapshot(net.rs);
      const outcome = net.rs.run([...asNobody, ...agent.argv('apply')]);
      expectCode(outcome, 77);
      expect(outcome.stderr + outcome.stdout).toMatch(/root/);
      expect(snapshot(net.rs)).toEqual(before);
    });
  });
});

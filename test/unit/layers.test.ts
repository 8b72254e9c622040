// The layer rules speak up: for each a tree that breaks it, and for the whole a tree that goes down only.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CONFIG = join(ROOT, '.dependency-cruiser.cjs');

/** What the rule says, where each is broken: `from` imports `to`. A rule may have several. */
const PLANTED: readonly (readonly [rule: string, from: string, to: string])[] = [
  ['core-is-pure', 'core/judge.ts', 'node:fs'],
  ['core-is-pure', 'core/checks/arp.ts', 'config/load.ts'],
  ['core-is-pure', 'core/report/journal.ts', 'linux/state/journal.ts'],
  ['udp-stands-alone', 'udp/socket.ts', 'core/model/names.ts'],
  ['config-needs-only-core', 'config/load.ts', 'linux/files/files.ts'],
  ['format-decides-nothing', 'format/text.ts', 'core/report/exit-code.ts'],
  ['format-decides-nothing', 'format/json.ts', 'probe/result.ts'],
  ['render-knows-no-host', 'render/keepalived.ts', 'linux/observe/preflight.ts'],
  ['render-knows-no-host', 'render/keepalived.ts', 'udp/socket.ts'],
  ['probe-judges-only', 'probe/judge-self.ts', 'linux/probe/tap.ts'],
  ['app-uses-ports', 'app/verify.ts', 'format/text.ts'],
  ['app-uses-ports', 'app/remove/remove.ts', 'linux/change/perform.ts'],
  ['ports-come-first', 'app/ports/report.ts', 'app/report/report.ts'],
  ['verify-cannot-change-anything', 'app/verify.ts', 'app/apply/apply.ts'],
  ['verify-cannot-change-anything', 'app/apply/blind.ts', 'app/remove/remove.ts'],
  ['linux-is-the-bottom', 'linux/observe/observe.ts', 'app/verify.ts'],
  ['linux-is-the-bottom', 'linux/ports/host.ts', 'config/load.ts'],
  ['lab-runs-the-program', 'lab/steps.ts', 'app/verify.ts'],
  ['cli-is-the-top', 'lab/show.ts', 'cli/context.ts'],
  ['cli-is-the-top', 'udp/index.ts', 'main.ts'],
  ['core-model-is-the-ground', 'core/model/names.ts', 'core/sysctl/file.ts'],
  ['core-model-is-the-ground', 'core/model/action.ts', 'core/plan/plan.ts'],
  ['core-rules-of-the-kernel', 'core/sysctl/file.ts', 'core/checks/arp.ts'],
  ['core-rules-of-the-kernel', 'core/firewall/nft.ts', 'core/network/ways.ts'],
  ['core-checks-only-find', 'core/checks/registry.ts', 'core/judge.ts'],
  ['core-checks-only-find', 'core/checks/ledger.ts', 'core/plan/plan.ts'],
  ['core-judge-knows-no-plan', 'core/judge.ts', 'core/report/report.ts'],
  ['core-plan-and-report-side-by-side', 'core/plan/plan.ts', 'core/report/report.ts'],
  ['core-plan-and-report-side-by-side', 'core/report/journal.ts', 'core/plan/heal.ts'],
  ['linux-files-first', 'linux/files/files.ts', 'linux/process/command.ts'],
  ['linux-process-only-starts', 'linux/process/command.ts', 'linux/observe/preflight.ts'],
  ['linux-looking-is-not-changing', 'linux/observe/services.ts', 'linux/probe/tap.ts'],
  ['linux-looking-is-not-changing', 'linux/state/lock.ts', 'linux/observe/preflight.ts'],
  ['linux-looking-is-not-changing', 'linux/install/run.ts', 'linux/change/perform.ts'],
  ['linux-change-and-probe-side-by-side', 'linux/change/perform.ts', 'linux/probe/tap.ts'],
  ['linux-change-and-probe-side-by-side', 'linux/probe/tap.ts', 'linux/ports/probe.ts'],
  ['no-cycles', 'format/style.ts', 'format/wrap.ts'],
  ['no-cycles', 'cli/commands/man.ts', 'cli/program.ts'],
];

/** What closes those circles, each of which is reported once: an import, and an import() such as commands are loaded by. */
const BACK = ['format/wrap.ts', 'format/style.ts'] as const;
const BACK_LATER = ['cli/program.ts', 'cli/commands/man.ts'] as const;

/** Circles of two, closed by what would not show while the program is loaded: the file, and how it imports the other one. */
const CIRCLES = [
  ['cli/commands/loads-later.ts', "export const later = () => import('./needs-it.ts');"],
  ['cli/commands/needs-it.ts', "import './loads-later.ts';"],
  ['cli/commands/knows-its-type.ts', "import type { here } from './gives-it.ts';\nexport type There = typeof here;"],
  ['cli/commands/gives-it.ts', "import './knows-its-type.ts';"],
] as const;

/** What must stay possible, room by room down the whole tree; nothing may be said about these. */
const ALLOWED: readonly (readonly [from: string, to: string])[] = [
  ['main.ts', 'cli/program.ts'],
  ['cli/commands/verify.ts', 'app/verify.ts'],
  ['cli/commands/lab.ts', 'lab/outside.ts'],
  ['cli/output.ts', 'format/junit.ts'],
  ['cli/commands/render.ts', 'render/ipvsadm.ts'],
  ['app/status.ts', 'app/ports/respond.ts'],
  ['app/probe/self.ts', 'probe/judge-claims.ts'],
  ['linux/ports/respond.ts', 'app/ports/respond.ts'],
  ['linux/ports/respond.ts', 'linux/change/watchdog.ts'],
  ['linux/change/watchdog.ts', 'linux/observe/sysctl.ts'],
  ['linux/probe/visitor.ts', 'linux/observe/ip-json.ts'],
  ['linux/observe/sysctl.ts', 'linux/process/child.ts'],
  ['linux/process/child.ts', 'linux/files/errors.ts'],
  ['linux/files/errors.ts', 'core/model/reading.ts'],
  ['lab/outside.ts', 'linux/process/child.ts'],
  ['probe/judge-claims.ts', 'udp/address.ts'],
  ['render/ipvsadm.ts', 'udp/protocol.ts'],
  ['format/junit.ts', 'core/report/compare.ts'],
  ['config/schema.ts', 'core/model/desired.ts'],
  ['core/plan/rollback.ts', 'core/judge.ts'],
  ['core/report/compare.ts', 'core/judge.ts'],
  ['core/judge.ts', 'core/checks/ipv6.ts'],
  ['core/checks/ipv6.ts', 'core/firewall/iptables.ts'],
  ['core/firewall/iptables.ts', 'core/model/finding.ts'],
];

const tree = mkdtempSync(join(tmpdir(), 'rsprep-layers-'));
let violations: readonly { readonly rule: string; readonly from: string; readonly to: string }[] = [];

beforeAll(() => {
  const imports = new Map<string, string[]>();
  for (const [from, to] of [...PLANTED.map(([, from, to]) => [from, to] as const), BACK, BACK_LATER, ...ALLOWED]) {
    imports.set(from, [...(imports.get(from) ?? []), to]);
    if (!to.startsWith('node:')) imports.set(to, imports.get(to) ?? []);
  }
  for (const [file, targets] of imports) {
    const path = join(tree, 'src', file);
    mkdirSync(dirname(path), { recursive: true });
    const lines = targets.map((to) => {
      if (to.startsWith('node:')) return `import '${to}';`;
      const specifier = relative(dirname(file), to);
      const quoted = `'${specifier.startsWith('.') ? specifier : `./${specifier}`}'`;
      const later = file === BACK_LATER[0] && to === BACK_LATER[1];
      return later ? `export const load = () => import(${quoted});` : `import ${quoted};`;
    });
    writeFileSync(path, `${lines.join('\n')}\nexport const here = true;\n`);
  }
  for (const [file, text] of CIRCLES) {
    mkdirSync(join(tree, 'src', dirname(file)), { recursive: true });
    writeFileSync(join(tree, 'src', file), `${text}\nexport const here = true;\n`);
  }
  writeFileSync(join(tree, 'tsconfig.json'), '{}');
  violations = cruise(tree);
});
afterAll(() => rmSync(tree, { recursive: true, force: true }));

describe('each layer rule', () => {
  it('is broken here at least once', () => {
    const rules: unknown = createRequire(import.meta.url)(CONFIG);
    const names = (rules as { forbidden: readonly { name: string }[] }).forbidden.map(({ name }) => name);
    expect(names.filter((name) => !PLANTED.some(([rule]) => rule === name))).toEqual([]);
  });

  it.each(PLANTED)('%s: %s imports %s', (rule, from, to) => {
    expect(violations).toContainEqual({ rule, from, to: to.replace(/^node:/, '') });
  });

  it.each([CIRCLES.slice(0, 2), CIRCLES.slice(2)])(
    'no-cycles: an import() or a type closes a circle too',
    (...circle) => {
      const files: readonly string[] = circle.map(([file]) => file);
      const found = violations.filter(({ rule, from }) => rule === 'no-cycles' && files.includes(from));
      expect(found).not.toEqual([]);
    },
  );

  it('says nothing about imports that go down', () => {
    const allowed = (from: string, to: string): boolean => ALLOWED.some(([a, b]) => a === from && b === to);
    expect(violations.filter(({ from, to }) => allowed(from, to))).toEqual([]);
  });
});

it('src/app/ports holds types alone, so that src/linux, which implements it, calls nothing above itself', () => {
  const ports = execFileSync('git', ['ls-files', '--', 'src/app/ports'], { cwd: ROOT, encoding: 'utf8' });
  for (const file of ports.trim().split('\n')) {
    const { code } = transformSync(readFileSync(join(ROOT, file), 'utf8'), { loader: 'ts' });
    expect(`${file}: ${code}`).toBe(`${file}: `);
  }
});

/** Exit status 1 and more are how it counts violations. */
function cruise(folder: string): typeof violations {
  const program = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [program, 'src', '--config', CONFIG, '--output-type', 'json'];
  const text = execFileSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { summary } = JSON.parse(text) as {
    summary: { violations: readonly { rule: { name: string }; from: string; to: string }[] };
  };
  const place = (path: string): string => path.replace(/^src\//, '');
  return summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from: place(from), to: place(to) }));
}

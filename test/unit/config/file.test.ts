import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatRefusal, type LoadResult, loadConfigFile, placeBelow } from '../../../src/config/file.ts';
import { trustedOwners } from '../../../src/config/trust.ts';

const VALID = 'version: 1\nvips: [192.0.2.10]\n';
const isRoot = process.geteuid?.() === 0;
/** The words behind the name of a test that only root can run. */
const unlessRoot = isRoot ? '' : ' (not run: needs root)';
let folder = '';

beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'rsp-config-')));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function put(name: string, text: string | Uint8Array = VALID, mode = 0o644): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const words = (result: LoadResult): string => (result.kind === 'refused' ? formatRefusal(result.why) : result.kind);

describe('a configuration file is read', () => {
  it('if nobody else may write it', async () => {
    const file = put('rsprep.yaml');
    const result = await loadConfigFile(file, '/');
    expect(result).toMatchObject({ kind: 'ok', source: file, desired: { vips: [{ address: '192.0.2.10' }] } });
  });

  it('with any mode that gives others no more than reading', async () => {
    for (const mode of [0o600, 0o644, 0o444, 0o755])
      expect((await loadConfigFile(put(`f${mode}`, VALID, mode), '/')).kind).toBe('ok');
  });

  it('through links, and with ".." after one as the kernel sees it', async () => {
    const file = put('real/deep/rsprep.yaml');
    put('real/other.yaml', 'version: 1\nvips: [192.0.2.77]\n');
    symlinkSync('real/deep', path.join(folder, 'link'));
    symlinkSync('link/rsprep.yaml', path.join(folder, 'to-link'));
    symlinkSync(file, path.join(folder, 'absolute'));
    for (const name of ['link/rsprep.yaml', 'to-link', 'absolute']) {
      expect((await loadConfigFile(path.join(folder, name), '/')).kind).toBe('ok');
    }
    const up = await loadConfigFile(`${folder}/link/../other.yaml`, '/');
    expect(up).toMatchObject({ kind: 'ok', desired: { vips: [{ address: '192.0.2.77' }] } });
  });

  it('below a --root as the host sees it that the root is for: no link leads out of it', async () => {
    const root = path.join(folder, 'image');
    put('rsprep.yaml', 'version: 1\nvips: [192.0.2.66]\n');
    put('image/etc/opt/rsprep.yaml', 'version: 1\nvips: [192.0.2.77]\n');
    mkdirSync(path.join(root, 'etc/rsprep'));
    const link = path.join(root, 'etc/rsprep/rsprep.yaml');
    for (const target of ['/etc/opt/rsprep.yaml', '../../../../../../../etc/opt/rsprep.yaml']) {
      symlinkSync(target, link);
      for (const name of ['/etc/rsprep/rsprep.yaml', link]) {
        const found = await loadConfigFile(name, `${root}/`);
        expect(found).toMatchObject({ kind: 'ok', desired: { vips: [{ address: '192.0.2.77' }] } });
      }
      rmSync(link);
    }
    symlinkSync(path.join(folder, 'rsprep.yaml'), link);
    expect(words(await loadConfigFile('/etc/rsprep/rsprep.yaml', root))).toContain('there is no configuration');
  });

  it('from standard input', async () => {
    const stdin = (async function* () {
      yield 'version: 1\n';
      yield new TextEncoder().encode('vips: [192.0.2.10]\n');
    })();
    expect(await loadConfigFile('-', '/', { stdin })).toMatchObject({ kind: 'ok', source: 'stdin' });
  });

  it('below --root, where it is a file of the system', async () => {
    put('etc/rsprep/rsprep.yaml');
    expect((await loadConfigFile('/etc/rsprep/rsprep.yaml', folder)).kind).toBe('ok');
    expect(placeBelow('/etc/x', '/r')).toBe('/r/etc/x');
    expect(placeBelow('/usr/lib/x', '/r')).toBe('/r/usr/lib/x');
    for (const elsewhere of ['/home/x', 'etc/x', '/etcetera/x', '/etc/../home/x', '/usr/share/x']) {
      expect(placeBelow(elsewhere, '/r')).toBe(elsewhere);
    }
  });
});

describe('a configuration file is refused', () => {
  it.each([
    [0o664, 'mode 0664'],
    [0o646, 'mode 0646'],
    [0o666, 'mode 0666'],
  ])('if others may write it: %o', async (mode, text) => {
    const file = put('rsprep.yaml', VALID, mode);
    expect(words(await loadConfigFile(file, '/'))).toBe(
      `others may write the configuration "${file}": expected a mode without write permission for group and others, such as 0644, received ${text}; chmod go-w ${file}`,
    );
  });

  it('if others may replace it: a directory on the way, however far up', async () => {
    const file = put('a/b/rsprep.yaml');
    for (const name of ['a/b', 'a']) {
      chmodSync(path.join(folder, name), 0o775);
      expect(words(await loadConfigFile(file, '/'))).toBe(
        `others may replace the configuration in the directory "${folder}/${name}": expected a mode without write permission for group and others, such as 0755, received mode 0775; chmod go-w ${folder}/${name}, or keep the file elsewhere`,
      );
      chmodSync(path.join(folder, name), 0o755);
    }
    chmodSync(path.join(folder, 'a'), 0o1777);
    expect((await loadConfigFile(file, '/')).kind).toBe('ok');
  });

  it('if others may replace a link to it, or what the link leads through', async () => {
    const file = put('safe/rsprep.yaml');
    mkdirSync(path.join(folder, 'open'));
    symlinkSync(file, path.join(folder, 'open/link'));
    symlinkSync('open/link', path.join(folder, 'link'));
    chmodSync(path.join(folder, 'open'), 0o777);
    for (const name of ['open/link', 'link']) {
      expect(words(await loadConfigFile(path.join(folder, name), '/'))).toContain(`in the directory "${folder}/open"`);
    }
    expect((await loadConfigFile(file, '/')).kind).toBe('ok');
  });

  it.runIf(isRoot)(`if it, a directory or a link on the way belongs to somebody else${unlessRoot}`, async () => {
    const file = put('d/rsprep.yaml');
    chownSync(file, 12345, 0);
    expect(words(await loadConfigFile(file, '/'))).toBe(
      `the configuration "${file}" belongs to somebody else: expected user 0 (root) as its owner, received user 12345; if that is right: chown root ${file}; otherwise give the text with "--config -"`,
    );
    chownSync(file, 0, 0);
    chownSync(path.join(folder, 'd'), 12345, 0);
    expect(words(await loadConfigFile(file, '/'))).toContain(`the directory "${folder}/d" belongs to somebody else`);
    chownSync(path.join(folder, 'd'), 0, 0);
    symlinkSync(file, path.join(folder, 'link'));
    execFileSync('chown', ['-h', '12345', path.join(folder, 'link')]);
    expect(words(await loadConfigFile(path.join(folder, 'link'), '/'))).toContain('the link');
  });

  it('but not if that somebody is the running user', async () => {
    const file = put('rsprep.yaml');
    const owners = new Set([0, statSync(file).uid]);
    expect((await loadConfigFile(file, '/', { owners })).kind).toBe('ok');
    expect([...trustedOwners()]).toEqual(expect.arrayContaining([0, process.geteuid?.()]));
  });

  it('if there is none, with the way to make one', async () => {
    const file = path.join(folder, 'none.yaml');
    expect(words(await loadConfigFile(file, '/'))).toBe(
      `there is no configuration "${file}": expected a file with the VIPs of this host, received no such file; make one (printf 'version: 1\\nvips:\\n  - 192.0.2.10\\n' > ${file}), or name another with --config FILE`,
    );
  });

  it('if it is no file', async () => {
    expect(words(await loadConfigFile(folder, '/'))).toContain(
      'is not a file: expected a regular file, received a directory',
    );
    expect(words(await loadConfigFile('/dev/null', '/'))).toContain('received a device, socket or pipe');
    const fifo = path.join(folder, 'fifo');
    execFileSync('mkfifo', ['-m', '0600', fifo]);
    expect(words(await loadConfigFile(fifo, '/'))).toContain('received a device, socket or pipe');
  });

  it.each([
    ['a link to itself', 'loop', 'ELOOP'],
    ['a file for a directory', 'file/x', 'ENOTDIR'],
    ['a name that is too long', 'x'.repeat(300), 'ENAMETOOLONG'],
  ])("for the system's reasons: %s", async (_, name, code) => {
    put('file');
    symlinkSync('loop', path.join(folder, 'loop'));
    expect(words(await loadConfigFile(path.join(folder, name), '/'))).toContain(`received ${code}; see "namei -l `);
  });

  it('shows no name that a terminal would act on', async () => {
    const text = words(await loadConfigFile(path.join(folder, '\u001b[2Jx'), '/'));
    expect(text).toMatch(/^[\x20-\x7e]+$/);
  });
});

describe('the bytes of a configuration file', () => {
  it.each([
    [
      'Latin-1',
      Uint8Array.from([...Buffer.from('version: 1\n# caf'), 0xe9, 0x0a]),
      '2:6: the file is not UTF-8: expected UTF-8 text, received byte 0xe9',
    ],
    [
      'UTF-16',
      Buffer.from('\uFEFFversion: 1\n', 'utf16le'),
      '1:1: the file is not UTF-8: expected UTF-8 text, received UTF-16',
    ],
    [
      'cut off in a character',
      Uint8Array.from([...Buffer.from('# '), 0xc3]),
      '1:3: the file is not UTF-8: expected UTF-8 text, received byte 0xc3',
    ],
  ])('are refused: %s', async (_, bytes, text) => {
    const result = await loadConfigFile(put('f', bytes), '/');
    const [error] = result.kind === 'invalid' ? result.errors : [];
    expect(
      `${error?.line}:${error?.column}: ${error?.message}: expected ${error?.expected}, received ${error?.received}`,
    ).toBe(text);
  });

  it('are at most 1 MiB, from a file and from standard input', async () => {
    const large = Buffer.alloc(1024 * 1024 + 1, '#');
    const stdin = (async function* () {
      yield large;
    })();
    for (const result of [await loadConfigFile(put('f', large), '/'), await loadConfigFile('-', '/', { stdin })]) {
      expect(result).toMatchObject({ kind: 'invalid', errors: [{ message: 'the configuration is too large' }] });
    }
    const full = `${VALID}${'#'.repeat(1024 * 1024 - VALID.length)}`;
    expect((await loadConfigFile(put('g', full), '/')).kind).toBe('ok');
  });
});

describe.runIf(isRoot)(`in another user's shoes${unlessRoot}`, () => {
  const asNobody = (file: string): string => {
    const script = `
      import { formatRefusal, loadConfigFile } from ${JSON.stringify(path.resolve('src/config/file.ts'))};
      const result = await loadConfigFile(${JSON.stringify(file)}, '/');
      console.log(result.kind === 'refused' ? formatRefusal(result.why) : result.kind);`;
    const args = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '--input-type=module', '-'];
    return execFileSync('setpriv', args, { encoding: 'utf8', cwd: '/', input: bundle(script) }).trim();
  };
  const bundle = (script: string): string => {
    const banner = '--banner:js=import {createRequire} from "node:module"; const require = createRequire("/");';
    const args = ['--bundle', '--platform=node', '--format=esm', '--log-level=error', '--loader=ts', banner];
    return execFileSync('node_modules/.bin/esbuild', args, { input: script, encoding: 'utf8', maxBuffer: 1 << 24 });
  };

  it('a file of root is read by nobody; one that only root may read is not, and says why', () => {
    chmodSync(folder, 0o755);
    const file = put('rsprep.yaml');
    expect(asNobody(file)).toBe('ok');
    chmodSync(file, 0o600);
    expect(asNobody(file)).toContain('cannot be read: expected permission for user 65534, received EACCES; chmod a+r');
    chmodSync(file, 0o644);
    chmodSync(folder, 0o700);
    expect(asNobody(file)).toContain('received EACCES');
  });
});

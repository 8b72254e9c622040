// Every file that rsprep replaces is written whole or not at all, in the folder that was meant, and by whom the folder belongs to.
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  deleteFile,
  deleteFolder,
  replaceByLink,
  replaceFile,
  setAside,
  sweepFolders,
} from '../../../../src/linux/files/replace.ts';
import { temporaryName } from '../../../../src/linux/files/temporary.ts';
import { modeOf, NOBODY, namesIn, needsRoot, roots } from './support.ts';

const { fresh } = roots();

describe('a replaced file', () => {
  it('has the content and the mode that were asked for, whatever the umask; folders are made', () => {
    const { root, paths } = fresh();
    const umask = process.umask(0o077);
    try {
      replaceFile(paths, '/etc/x/file', 'first');
      replaceFile(paths, '/etc/x/tool', Buffer.from([0, 255]), 0o755);
    } finally {
      process.umask(umask);
    }
    expect(namesIn(join(root, 'etc/x'))).toEqual(['file', 'tool']);
    expect(readFileSync(join(root, 'etc/x/file'), 'utf8')).toBe('first');
    expect(readFileSync(join(root, 'etc/x/tool'))).toEqual(Buffer.from([0, 255]));
    expect([modeOf(join(root, 'etc/x/file')), modeOf(join(root, 'etc/x/tool'))]).toEqual([0o644, 0o755]);
  });

  it('takes the place of a link, and what the link leads to stays as it is', () => {
    const { root, paths } = fresh();
    mkdirSync(join(root, 'etc'));
    writeFileSync(join(root, 'etc/victim'), 'as it was');
    symlinkSync('victim', join(root, 'etc/file'));
    replaceFile(paths, '/etc/file', 'ours');
    expect(lstatSync(join(root, 'etc/file')).isFile()).toBe(true);
    expect(readFileSync(join(root, 'etc/victim'), 'utf8')).toBe('as it was');
  });

  it('leaves nothing of itself where it cannot be put in place, and names the place by its name', () => {
    const { root, paths } = fresh();
    mkdirSync(join(root, 'etc/file/full'), { recursive: true });
    expect(() => replaceFile(paths, '/etc/file', 'ours')).toThrow(`${root}/etc/.rsprep-`);
    expect(namesIn(join(root, 'etc'))).toEqual(['file']);
  });

  it('may be a link, may be moved aside, and may be gone already', () => {
    const { root, paths } = fresh();
    replaceByLink(paths, '/etc/a.wants/unit', '/etc/unit');
    replaceByLink(paths, '/etc/a.wants/unit', '/etc/other');
    expect(namesIn(join(root, 'etc/a.wants'))).toEqual(['unit']);
    setAside(paths, '/etc/a.wants/unit', 'unit.saved');
    expect(namesIn(join(root, 'etc/a.wants'))).toEqual(['unit.saved']);
    deleteFile(paths, '/etc/a.wants/unit');
    deleteFile(paths, '/nowhere/unit');
    deleteFile(paths, '/etc/a.wants/unit.saved');
    deleteFolder(paths, '/etc/a.wants');
    expect(namesIn(join(root, 'etc'))).toEqual([]);
  });
});

describe('what a killed run left', () => {
  const random = '0'.repeat(32);
  const boot = temporaryName().split('-')[2];

  it('goes with the next write, deletion or sweep: of a process that is gone, and of an earlier boot', async () => {
    const alive = spawn('sleep', ['60'], { stdio: 'ignore' });
    const dead = spawn('true', { stdio: 'ignore' });
    await new Promise((resolve) => dead.once('exit', resolve));
    const left = [`.rsprep-${dead.pid}-${boot}-${random}`, `.rsprep-${process.pid}-00000000-${random}`];
    const stays = [
      `.rsprep-${process.pid}-${boot}-${random}`,
      `.rsprep-${alive.pid}-${boot}-${random}`,
      `.rsprep-${dead.pid}-${boot}`, // no name of ours
      `rsprep-${dead.pid}-${boot}-${random}`,
      'other',
    ];
    const { root, paths } = fresh();
    mkdirSync(join(root, 'etc'));
    try {
      for (const act of [
        () => replaceFile(paths, '/etc/file', 'x'),
        () => deleteFile(paths, '/etc/file'),
        () => sweepFolders(paths, ['/nowhere', '/etc']),
      ]) {
        for (const name of [...left, ...stays]) writeFileSync(join(root, 'etc', name), '');
        act();
        expect(namesIn(join(root, 'etc')).filter((name) => name !== 'file')).toEqual([...stays].sort());
      }
    } finally {
      alive.kill();
    }
  });
});

describe.skipIf(needsRoot !== '')(`in another user's folder${needsRoot}`, () => {
  it('root writes as that user: the file is his, and what he could not do is not done', () => {
    const { root, paths } = fresh();
    mkdirSync(join(root, 'var/report/below'), { recursive: true });
    for (const folder of ['var/report', 'var/report/below']) chownSync(join(root, folder), NOBODY, NOBODY);
    chmodSync(root, 0o755);
    chownSync(join(root, 'var/report/below'), 0, 0);
    replaceFile(paths, '/var/report/file', 'x');
    replaceFile(paths, '/var/report/made/file', 'x');
    expect(lstatSync(join(root, 'var/report/file'))).toMatchObject({ uid: NOBODY, gid: NOBODY });
    expect(lstatSync(join(root, 'var/report/made'))).toMatchObject({ uid: NOBODY, gid: NOBODY });
    expect(() => replaceFile(paths, '/var/report/below/file', 'x')).toThrow('EACCES');
    expect(() => deleteFile(paths, '/var/report/below/file')).not.toThrow();
    expect(namesIn(join(root, 'var/report/below'))).toEqual([]);
    expect([process.geteuid?.(), process.getegid?.(), process.getgroups?.().includes(NOBODY)]).toEqual([0, 0, false]);
  });
});

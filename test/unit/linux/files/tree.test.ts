// `install --uninstall --purge` deletes folders in which another user writes meanwhile.
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { deleteTree } from '../../../../src/linux/files/tree.ts';
import { NOBODY, namesIn, needsRoot, roots } from './support.ts';

const RSPREP = fileURLToPath(new URL('../../../../dist/rsprep.cjs', import.meta.url));
const { fresh } = roots();

describe('deleting a folder', () => {
  it('takes everything in it, links but not what they lead to, and what is no file', () => {
    const { root, paths } = fresh();
    mkdirSync(join(root, 'var/rsprep/report/deep'), { recursive: true });
    mkdirSync(join(root, 'precious'));
    writeFileSync(join(root, 'precious/file'), '');
    writeFileSync(join(root, 'var/rsprep/report/deep/file'), '');
    symlinkSync('../../precious', join(root, 'var/rsprep/link'));
    symlinkSync('../../../precious/file', join(root, 'var/rsprep/report/link'));
    spawnSync('mkfifo', [join(root, 'var/rsprep/pipe')]);
    deleteTree(paths, '/var/rsprep');
    deleteTree(paths, '/var/rsprep');
    expect(namesIn(join(root, 'var'))).toEqual([]);
    expect(namesIn(join(root, 'precious'))).toEqual(['file']);
  });

  it('stops where it is deeper than anything that rsprep makes', () => {
    const { root, paths } = fresh();
    const deep = Array.from({ length: 12 }, (_, n) => n).join('/');
    mkdirSync(join(root, 'var', deep), { recursive: true });
    expect(() => deleteTree(paths, '/var')).toThrow('delete it by hand');
    expect(existsSync(join(root, 'var', deep))).toBe(true);
  });

  it.skipIf(needsRoot !== '')(`stops at a mount, also of the same file system${needsRoot}`, () => {
    const { root } = fresh();
    const [mounted, precious] = [join(root, 'var/lib/rsprep/report/mounted'), join(root, 'precious')];
    for (const folder of [mounted, precious]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(precious, 'file'), '');
    const nothing = JSON.stringify({ format: 1, version: '', entries: [], directories: [] });
    writeFileSync(join(root, 'var/lib/rsprep/install.json'), nothing);
    // In a mount namespace of its own: nothing of it is left on this machine.
    const purge = `node '${RSPREP}' --root '${root}' install --uninstall --purge --force`;
    const script = `mount --bind '${precious}' '${mounted}' && exec ${purge}`;
    const { stdout } = spawnSync('unshare', ['--mount', 'sh', '-c', script], { encoding: 'utf8' });
    expect(stdout).toContain('/var/lib/rsprep could not be deleted: mounted is a mount: unmount it first');
    expect(namesIn(precious)).toEqual(['file']);
  });

  it.skipIf(needsRoot !== '')(`deletes as the user what is in a user's folder${needsRoot}`, () => {
    const { root, paths } = fresh();
    mkdirSync(join(root, 'var/rsprep/report/swapped-in'), { recursive: true });
    writeFileSync(join(root, 'var/rsprep/report/his'), '');
    // What he can move into his folder, and what he could not delete: a folder of root's with something in it.
    writeFileSync(join(root, 'var/rsprep/report/swapped-in/precious'), '');
    chownSync(join(root, 'var/rsprep/report'), NOBODY, NOBODY);
    expect(() => deleteTree(paths, '/var/rsprep')).toThrow('EACCES');
    expect(namesIn(join(root, 'var/rsprep/report'))).toContain('swapped-in');
    expect(namesIn(join(root, 'var/rsprep/report/swapped-in'))).toEqual(['precious']);
    expect(process.geteuid?.()).toBe(0);
  });
});

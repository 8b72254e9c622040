// A --root is resolved as the host that it is for would see it: never out of it.
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chase } from '../../../../src/linux/files/chase.ts';
import { readText } from '../../../../src/linux/files/files.ts';
import { presence } from '../../../../src/linux/files/folders.ts';
import { deleteFile, replaceFile } from '../../../../src/linux/files/replace.ts';
import { NOBODY, namesIn, needsRoot, roots } from './support.ts';

const { fresh } = roots();

function imageWith(links: Readonly<Record<string, string>>): ReturnType<typeof fresh> {
  const image = fresh();
  for (const folder of ['etc/real', 'srv/deep/er', 'data']) mkdirSync(join(image.root, folder), { recursive: true });
  for (const [path, target] of Object.entries(links)) symlinkSync(target, join(image.root, path));
  return image;
}

describe('a path below a root', () => {
  it.each([
    ['/etc/file', '/etc/file'],
    ['/etc/./real//file', '/etc/real/file'],
    ['/etc/absolute/file', '/etc/real/file'],
    ['/etc/relative/file', '/srv/deep/er/file'],
    ['/etc/above/file', '/etc/real/file'],
    ['/etc/twice/file', '/etc/real/file'],
    ['/../../etc/file', '/etc/file'],
    ['/etc/relative/../file', '/srv/deep/file'],
    ['/etc/nothing/../file', '/etc/file'],
    ['/etc/last', '/data/outside'],
    ['/etc/to-root', '/'],
    ['/', '/'],
  ])('%s leads to %s', (path, leadsTo) => {
    const { root } = imageWith({
      'etc/absolute': '/etc/real',
      'etc/relative': '../srv/deep/er',
      'etc/above': '../../../../../etc/real',
      'etc/twice': '/etc/absolute',
      'etc/last': '/data/outside',
      'etc/to-root': '/..',
    });
    expect(chase(root, path, { last: 'follow' })).toBe(leadsTo);
    expect(chase(`${root}/`, path, { last: 'follow' })).toBe(leadsTo);
  });

  it('keeps a link at the end for who asks about the link, and still follows those on the way', () => {
    const { root, paths } = imageWith({ 'etc/absolute': '/etc/real', 'etc/real/link': '/data' });
    expect(chase(root, '/etc/absolute/link', { last: 'keep' })).toBe('/etc/real/link');
    expect(paths.linkAt('/etc/absolute/link')).toBe(join(root, 'etc/real/link'));
    expect(paths.at('/etc/absolute/link')).toBe(join(root, 'data'));
  });

  it('leads nowhere where links lead in a circle: not to the file of that name on this machine', () => {
    // On this machine /etc/passwd is a file; in the image it is a link to itself.
    const { root, paths } = imageWith({ 'etc/passwd': '/etc/passwd' });
    expect(() => chase(root, '/etc/passwd', { last: 'follow' })).toThrow('too many links');
    expect(readText(paths.at('/etc/passwd'))).toMatchObject({
      kind: 'unreadable',
      reason: expect.stringContaining('links that lead in a circle'),
    });
    expect(presence(paths.at('/etc/passwd')).kind).toBe('unreadable');
  });

  it('is what is written, replaced and deleted', () => {
    const outside = fresh().root;
    // As an image has it whose /var is on another disk: absolute, as on its own host.
    const { root, paths } = imageWith({ var: '/data', 'data/lib': `${outside}/lib` });
    mkdirSync(join(outside, 'lib'));
    replaceFile(paths, '/var/x', 'one');
    replaceFile(paths, '/var/lib/rsprep/state.json', 'two');
    expect(namesIn(join(outside, 'lib'))).toEqual([]);
    expect(readText(join(root, 'data/x'))).toEqual({ kind: 'value', value: 'one' });
    expect(readText(paths.at('/var/lib/rsprep/state.json'))).toEqual({ kind: 'value', value: 'two' });
    expect(readText(join(root, outside, 'lib/rsprep/state.json'))).toEqual({ kind: 'value', value: 'two' });
    deleteFile(paths, '/var/lib/rsprep/state.json');
    expect(namesIn(join(root, outside, 'lib/rsprep'))).toEqual([]);
  });
});

describe.skipIf(needsRoot !== '')(`where root writes${needsRoot}`, () => {
  const link = (mode: number, owner: number, linkOwner = 0): (() => string) => {
    const { root, paths } = imageWith({});
    mkdirSync(join(root, 'srv/shared'));
    symlinkSync('/etc/real', join(root, 'srv/shared/link'));
    lchownSync(join(root, 'srv/shared/link'), linkOwner, linkOwner);
    chmodSync(join(root, 'srv/shared'), mode);
    chownSync(join(root, 'srv/shared'), owner, owner);
    writeFileSync(join(root, 'etc/real/victim'), 'as it was');
    return () => {
      try {
        replaceFile(paths, '/srv/shared/link/victim', 'ours');
        return 'written';
      } catch (error) {
        expect(readText(join(root, 'etc/real/victim'))).toEqual({ kind: 'value', value: 'as it was' });
        return error instanceof Error ? error.message : '';
      }
    };
  };

  it.each([
    ['root’s own folder', 0o755, 0, 0, 'written'],
    ['a sticky folder, when it is root’s', 0o1777, 0, 0, 'written'],
    ['a sticky folder, when it is somebody’s', 0o1777, 0, NOBODY, 'link is a link, in a folder where others'],
    ['a folder that a group writes, or that an ACL opens', 0o775, 0, 0, 'link is a link, in a folder where others'],
    ['another user’s folder', 0o755, NOBODY, 0, 'link is a link, in a folder where others'],
  ])('a link in %s', (_name, mode, owner, linkOwner, said) => {
    expect(link(mode, owner, linkOwner)()).toContain(said);
  });
});

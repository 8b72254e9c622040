// What a newcomer may rely on: files that can be read in one go, and tests where their subject is.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Aim at 50 to 150: a file that is longer than this holds two things. */
const MOST_LINES = 260;

const filesBelow = (folder: string, name: RegExp): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => name.test(file))
    .map((file) => join(folder, file));

it(`no file in src is over ${MOST_LINES} lines`, () => {
  const files = filesBelow('src', /\.(ts|c|h)$/);
  expect(files.length).toBeGreaterThan(100);
  const long = files.flatMap((file) => {
    const lines = readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1;
    return lines > MOST_LINES ? [`${file}: ${lines} lines`] : [];
  });
  expect(long, 'split it at a seam that reads well, each part named after what it holds').toEqual([]);
});

it('test/unit mirrors src, folder by folder', () => {
  const folders = new Set(filesBelow('test/unit', /\.test\.ts$/).map(dirname));
  for (const folder of ['units', 'scripts']) folders.delete(`test/unit/${folder}`); // They mirror units/ and scripts/.
  const strangers = [...folders].filter((folder) => !existsSync(join(ROOT, folder.replace('test/unit', 'src'))));
  expect(strangers, 'move it to the folder that src has for what it tests').toEqual([]);
});

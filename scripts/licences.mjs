// The notices that the licences of bundled packages ask for: dist/THIRD-PARTY-NOTICES.txt names every package whose code esbuild put into
// an output, and has its licence in full.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LICENCE_FILE = /^(licen[cs]e|copying|notice)([-.].*)?$/i;

/**
 * @param metafiles of esbuild, of every output that ships
 * @returns the directories of the packages whose code is in them (below node_modules, nested ones too), each once, sorted
 */
export function bundledPackages(metafiles) {
  const used = metafiles
    .flatMap(({ outputs }) => Object.values(outputs))
    .flatMap(({ inputs }) => Object.entries(inputs))
    .flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [packageDirectory(path)] : []));
  return [...new Set(used.filter((directory) => directory !== null))].sort();
}

/** `node_modules/a/node_modules/@b/c/lib/index.js` is of `node_modules/a/node_modules/@b/c`; src/main.ts of none. */
function packageDirectory(path) {
  const [, directory] = /^(?:[\w-]+:)?(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
  return directory ?? null;
}

/**
 * @param root the directory that metafile paths are relative to
 * @returns the text of THIRD-PARTY-NOTICES.txt. Throws for a package without a licence text: it must not ship.
 */
export function thirdPartyNotices(root, directories) {
  const packages = directories.map((directory) => readPackage(join(root, directory))).sort(byName);
  const list = packages.map(({ name, version, license }) => `  ${name} ${version} (${license})`);
  return [
    'rsprep contains code of the packages below. Each is followed by its licence.',
    'rsprep itself is licensed under the Apache License 2.0 (LICENSE).\n',
    ...list,
    ...packages.map(
      ({ name, version, texts }) =>
        `\n${'='.repeat(80)}\n${name} ${version}\n${'='.repeat(80)}\n\n${texts.join('\n\n')}`,
    ),
    '',
  ].join('\n');
}

const byName = (a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version);

function readPackage(directory) {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const files = readdirSync(directory).filter((file) => LICENCE_FILE.test(file));
  const texts = files.sort().map((file) => readFileSync(join(directory, file), 'utf8').trim());
  if (texts.length === 0)
    throw new Error(
      `${name} ${version} (${directory}) has no licence file, so its code must not ship: use another package`,
    );
  if (typeof license !== 'string') throw new Error(`${name} ${version} names no licence in its package.json`);
  return { name, version, license, texts };
}

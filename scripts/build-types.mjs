// Type declarations of `rsprep/udp` for dist/types: what src/udp/index.ts exports, and what that refers to.
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.join(root, 'dist/types');

export async function buildTypes() {
  await rm(folder, { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck'];
  const modules = ['--module', 'esnext', '--moduleResolution', 'bundler', '--rewriteRelativeImportExtensions'];
  const emit = ['--declaration', '--emitDeclarationOnly', '--outDir', folder, '--target', 'es2023', '--types', 'node'];
  const argv = [tsc, 'src/udp/index.ts', '--ignoreConfig', ...strict, ...modules, ...emit];
  await promisify(execFile)(process.execPath, argv, { cwd: root });
  for (const name of await readdir(folder)) {
    const file = path.join(folder, name);
    const text = await readFile(file, 'utf8');
    // Declarations keep the `.ts` of the sources, which nobody who installs the package has.
    await writeFile(file, text.replace(/((?:from|import\()\s*'\.\/[\w-]+)\.ts'/g, "$1.js'"));
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await buildTypes();

// Builds the addon: dist/rsprep-<arch>.node with the C compiler at hand. A checkout needs nothing else; without a compiler
// the committed one of prebuilds/ is copied. `--prebuilds` rebuilds those, for x64 and arm64, with clang and lld: the same bytes from the
// same sources and the versions in prebuilds/toolchain.json (test/native/prebuilds.test.ts).
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const sources = path.join(root, 'src/native');

const compile = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror=implicit-function-declaration', '-shared', '-fPIC'];
// No C library: every symbol but Node's own is resolved inside, so one file runs on any libc and any Node since 18.
const freestanding = ['-ffreestanding', '-nostdlib', '-fvisibility=hidden', '-fno-stack-protector'];
const small = ['-fno-asynchronous-unwind-tables', '-fno-ident', '-s'];
const link = ['-Wl,-z,relro,-z,now,-z,noexecstack,--hash-style=both,--build-id=none'];

/** SHA-256 of the C sources, which the addon carries: a stale prebuilt file is found by comparing. */
export async function sourceHash() {
  const hash = createHash('sha256');
  const names = (await readdir(sources, { recursive: true })).filter((name) => /\.[ch]$/.test(name)).sort();
  for (const name of names) hash.update(`${name}\0`).update(await readFile(path.join(sources, name)));
  return hash.digest('hex').slice(0, 16);
}

async function build(compiler, output, extra) {
  const files = (await readdir(sources, { recursive: true })).filter((name) => name.endsWith('.c')).sort();
  const partial = `${output}.${process.pid}`;
  await mkdir(path.dirname(output), { recursive: true });
  const flags = [...compile, ...freestanding, ...small, ...link, `-DSOURCE_HASH="${await sourceHash()}"`, ...extra];
  await run(compiler, [...flags, '-o', partial, ...files], { cwd: sources });
  await rename(partial, output); // a running process keeps the file it has mapped
}

async function works(compiler) {
  try {
    await run(compiler, ['--version']);
    return true;
  } catch {
    return false;
  }
}

/**
 * @returns {Promise<string | null>} null when it was built, else why it was not
 */
export async function buildNative(output = path.join(root, 'dist', `rsprep-${process.arch}.node`)) {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    return `the addon is for Linux on x64 and arm64, this is ${process.platform} on ${process.arch}`;
  }
  const wanted = [process.env.CC, 'cc', 'gcc', 'clang'].filter((name) => name !== undefined && name !== '');
  for (const compiler of wanted) {
    if (!(await works(compiler))) continue;
    await build(compiler, output, []);
    return null;
  }
  // dist/ is whole all the same; the loader compares the sources' hash that each carries.
  await mkdir(path.dirname(output), { recursive: true });
  const partial = `${output}.${process.pid}`;
  await copyFile(path.join(PREBUILDS, `rsprep-${process.arch}.node`), partial);
  await rename(partial, output);
  return `no C compiler (tried ${wanted.join(', ')}): the addon is the prebuilt one`;
}

/**
 * What builds prebuilds/, as it names itself.
 * @returns {Promise<{clang: string, lld: string} | null>} null where one of them is not there
 */
export async function toolchain() {
  const name = async (program) => (await run(program, ['--version'])).stdout.split('\n')[0] ?? '';
  try {
    return { clang: await name('clang'), lld: await name('ld.lld') };
  } catch {
    return null;
  }
}

export const PREBUILDS = path.join(root, 'prebuilds');

export async function buildPrebuilds(folder = PREBUILDS) {
  const lld = ['-fuse-ld=lld', '-Wl,-z,noseparate-code'];
  const targets = [
    ['x64', '--target=x86_64-linux-gnu', []],
    ['arm64', '--target=aarch64-linux-gnu', ['-mno-outline-atomics']],
  ];
  const files = [];
  for (const [arch, target, extra] of targets) {
    const output = path.join(folder, `rsprep-${arch}.node`);
    await build('clang', output, [target, ...lld, ...extra]);
    files.push(output);
  }
  const versions = path.join(folder, 'toolchain.json');
  await writeFile(versions, `${JSON.stringify(await toolchain(), null, 2)}\n`);
  return [...files, versions];
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv.includes('--prebuilds')) process.stdout.write(`${(await buildPrebuilds()).join('\n')}\n`);
  else {
    const reason = await buildNative();
    process.stdout.write(reason === null ? '' : `${reason}\n`);
  }
}

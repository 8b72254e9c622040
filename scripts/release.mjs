// `npm run release`: what a release needs, in order: looks, builds, tests, packs. A rehearsal unless --tag is given, which makes the tag once
// all else has worked. It pushes and publishes nothing: RELEASING.md says how.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const HELP = `npm run release [-- --tag]

Looks whether this tree can be released, builds it, runs all tests, and packs it into build/. With --tag it then makes the tag.
  --tag   make the annotated tag vVERSION on this commit`;
/** A package has to have these. */
const SHIPPED = [
  ...[
    'rsprep.cjs',
    'rsprep-program.cjs',
    'rsprep-packages.cjs',
    'rsprep-probe-thread.cjs',
    'udp.cjs',
    'types/index.d.ts',
  ],
  ...['THIRD-PARTY-NOTICES.txt', '../prebuilds/rsprep-x64.node', '../prebuilds/rsprep-arm64.node', '../LICENSE'],
  ...['../units/rsprep-apply.service', '../docs/man/rsprep.8', '../README.md', '../CHANGELOG.md'],
].map((path) => join('dist', path));
/** And none of these: a code cache belongs to the Node that wrote it. */
const NOT_SHIPPED = /\.cache$|node_modules|^(src|test|scripts|bench)\//;

const json = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const { name, version } = json('package.json');
const tag = `v${version}`;

await main(options());

function options() {
  const declared = { tag: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } };
  try {
    return parseArgs({ options: declared }).values;
  } catch (error) {
    console.error(`release: ${error.message}\n\n${HELP}`);
    return process.exit(64);
  }
}

async function main({ help, tag: makesTag }) {
  if (help) return console.log(HELP);
  say(`looking at ${name} ${version}`);
  refuse([
    ...treeProblems(),
    ...versionProblems(),
    ...changelogProblems(),
    ...tagProblems(),
    ...(await prebuildProblems()),
  ]);
  run(process.execPath, ['scripts/generate-docs.mjs', '--check']);
  say('building');
  run(process.execPath, ['scripts/build.mjs']);
  say('testing');
  run('npm', ['test'], { RSPREP_TEST_ALL: '1' });
  refuse(treeProblems('building or testing changed it'));
  say('packing');
  const file = pack();
  if (!makesTag)
    return say(`${file} is what would be released. \`npm run release -- --tag\` also makes the tag ${tag}.`);
  run('git', ['tag', '--annotate', tag, '--message', `${name} ${version}\n\n${changelog().body}`]);
  return say(`${file} is packed and ${tag} is made. Next: git push origin ${tag} && npm publish ${file}`);
}

/** What git says, or the reason why it says nothing. */
function git(...args) {
  const { status, stdout, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) return refuse([`git ${args.join(' ')}: ${stderr.trim()}`]);
  return stdout.trim();
}

function treeProblems(why = 'what is tagged has to be what was tested') {
  const changed = git('status', '--porcelain');
  return changed === '' ? [] : [`the work tree has changes that are not committed (${why}):\n${changed}`];
}

function versionProblems() {
  const locked = json('package-lock.json').version;
  return locked === version
    ? []
    : [`package.json says ${version}, package-lock.json ${locked}: npm install --package-lock-only`];
}

/** The first section: its heading's version and date, and its text. */
function changelog() {
  const [, first = ''] = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').split(/^## /m);
  const [heading = '', ...lines] = first.split('\n');
  const [, of, date] = /^(\S+), (\S+)$/.exec(heading.trim()) ?? [];
  return { heading, of, date, body: lines.join('\n').trim() };
}

function changelogProblems() {
  const { heading, of, date, body } = changelog();
  const now = new Date();
  const local = [now.getFullYear(), now.getMonth() + 1, now.getDate()]
    .map((part) => String(part).padStart(2, '0'))
    .join('-');
  const today = [now.toISOString().slice(0, 10), local];
  const wanted = `## ${version}, ${local}`;
  if (of !== version)
    return [`CHANGELOG.md: its first section has to be this version’s: expected "${wanted}", found "## ${heading}"`];
  if (!today.includes(date))
    return [`CHANGELOG.md: the date has to be today’s: expected "${wanted}", found "## ${heading}"`];
  return body === '' ? [`CHANGELOG.md: the section "## ${heading}" is empty`] : [];
}

function tagProblems() {
  return git('tag', '--list', tag) === ''
    ? []
    : [`the tag ${tag} is there already: npm version --no-git-tag-version NEXT`];
}

async function prebuildProblems() {
  const { sourceHash } = await import('./build-native.mjs');
  const hash = await sourceHash();
  return ['x64', 'arm64']
    .map((arch) => `prebuilds/rsprep-${arch}.node`)
    .filter((path) => !readFileSync(join(root, path)).includes(hash))
    .map((path) => `${path} is older than src/native: node scripts/build-native.mjs --prebuilds, and commit it`);
}

/** Packs, looks into the package, and runs the program from it. */
function pack() {
  mkdirSync(join(root, 'build'), { recursive: true });
  const packed = spawnSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', 'build'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (packed.status !== 0) return refuse([`npm pack: ${packed.stderr.trim()}`]);
  const [{ filename, files }] = JSON.parse(packed.stdout);
  const paths = files.map(({ path }) => path);
  refuse([
    ...SHIPPED.filter((path) => !paths.includes(path)).map(
      (path) => `${path} is missing from the package ("files" in package.json)`,
    ),
    ...paths
      .filter((path) => NOT_SHIPPED.test(path))
      .map((path) => `${path} must not be in the package ("files" in package.json)`),
  ]);
  const file = `build/${filename}`;
  const folder = mkdtempSync(join(tmpdir(), 'rsprep-release-'));
  try {
    run('tar', ['-xzf', file, '-C', folder]);
    const program = join(folder, 'package/dist/rsprep.cjs');
    const { stdout, stderr } = spawnSync(process.execPath, [program, '--version'], { encoding: 'utf8' });
    if (stdout.trim() !== version)
      refuse([`the packed program says it is "${stdout.trim()}", expected ${version} ${stderr}`]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const sum = createHash('sha256')
    .update(readFileSync(join(root, file)))
    .digest('hex');
  writeFileSync(join(root, `${file}.sha256`), `${sum}  ${filename}\n`);
  return file;
}

function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (status !== 0) refuse([`\`${[command, ...args].slice(0, 3).join(' ')}\` failed: see above`]);
}

function say(text) {
  console.log(`release: ${text}`);
}

/** Ends where there is a problem. */
function refuse(problems) {
  if (problems.length === 0) return;
  for (const problem of problems) console.error(`release: ${problem}`);
  process.exit(1);
}

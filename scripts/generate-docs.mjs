// `npm run docs`: writes every document that comes from the source. With --check it writes nothing, and fails where one is stale.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const SOURCES = `
  export { checksMarkdown } from './src/format/explain.ts';
  export { configJsonSchemaText } from './src/config/json-schema.ts';
  export { manPage } from './src/cli/commands/man.ts';
  export { describeProgram } from './src/cli/describe.ts';
`;
/** Below node_modules, so that the packages it imports are found. */
async function load() {
  const folder = mkdtempSync(join(root, 'node_modules/.rsprep-docs-'));
  try {
    const outfile = join(folder, 'sources.mjs');
    await build({
      absWorkingDir: root,
      stdin: { contents: SOURCES, resolveDir: root, loader: 'ts' },
      ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external', outfile, logLevel: 'warning' },
      define: { RSPREP_VERSION: JSON.stringify(version) },
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function formatted(path, text) {
  const biome = join(root, 'node_modules/.bin/biome');
  const result = spawnSync(biome, ['format', `--stdin-file-path=${path}`], {
    cwd: root,
    input: text,
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`biome format ${path}: ${result.stderr}`);
  return result.stdout;
}

const { checksMarkdown, configJsonSchemaText, describeProgram, manPage } = await load();
const schema = 'docs/schema/config.schema.json';
const documents = {
  'docs/checks.md': checksMarkdown(),
  'docs/man/rsprep.8': await manPage({ describeProgram }),
  [schema]: formatted(schema, configJsonSchemaText()),
};

const isCheck = process.argv.includes('--check');
for (const [path, wanted] of Object.entries(documents)) {
  if (readFileSync(join(root, path), 'utf8') === wanted) continue;
  if (isCheck) {
    console.error(`${path} is not what the source says: npm run docs`);
    process.exitCode = 1;
  } else {
    writeFileSync(join(root, path), wanted);
    console.log(`wrote ${path}`);
  }
}

// Writes the documentation that comes from the source: docs/checks.md. With --check it only says whether it is in step.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const bundled = await build({
  absWorkingDir: root,
  stdin: { contents: "export { checksMarkdown } from './src/format/explain.ts';", resolveDir: root, loader: 'ts' },
  bundle: true,
  format: 'esm',
  write: false,
});
const [file] = bundled.outputFiles;
const { checksMarkdown } = await import(`data:text/javascript;base64,${Buffer.from(file.contents).toString('base64')}`);

const path = join(root, 'docs/checks.md');
const wanted = checksMarkdown();
if (!process.argv.includes('--check')) writeFileSync(path, wanted);
else if (readFileSync(path, 'utf8') !== wanted) {
  console.error('docs/checks.md is not what src/core/checks says: run node scripts/generate-docs.mjs');
  process.exit(1);
}

// Imports a TypeScript file of the tests: Node 20 does not read it.
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export async function bundled(path) {
  const { build } = await import('esbuild');
  const file = join(root, path);
  const { outputFiles } = await build({
    entryPoints: [file],
    ...{ bundle: true, platform: 'node', format: 'esm', write: false, logLevel: 'error' },
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(file).href) },
  });
  return await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
}

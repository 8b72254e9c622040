import { readFileSync } from 'node:fs';

const documentation = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

/** The YAML blocks of docs/configuration.md; the first is the full example. */
export const EXAMPLES: readonly string[] = [...documentation.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
  (match) => match[1] ?? '',
);
export const EXAMPLE: string = EXAMPLES[0] ?? '';

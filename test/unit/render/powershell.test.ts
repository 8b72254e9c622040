// The Windows script before a PowerShell parser (tree-sitter's grammar): nothing here can run it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Language, type Node, Parser } from 'web-tree-sitter';
import { renderWindows } from '../../../src/render/windows.ts';
import { farmConfig } from './fixture.ts';

let parser: Parser;

beforeAll(async () => {
  const grammar = dirname(createRequire(import.meta.url).resolve('tree-sitter-powershell/package.json'));
  await Parser.init();
  parser = new Parser();
  parser.setLanguage(await Language.load(readFileSync(join(grammar, 'tree-sitter-powershell.wasm'))));
});

/** Lines, from 1, on which the parser finds something that is not PowerShell. */
function errorsIn(text: string): number[] {
  const found: number[] = [];
  const look = (node: Node): void => {
    if (node.isError || node.isMissing) found.push(node.startPosition.row + 1);
    for (const child of node.children) if (child) look(child);
  };
  const tree = parser.parse(text);
  if (!tree) throw new Error('the parser gave up');
  look(tree.rootNode);
  return found;
}

describe('the Windows script', () => {
  const rendered = renderWindows(farmConfig());
  const text = rendered.kind === 'text' ? rendered.text : '';

  it('is PowerShell', () => {
    expect(text.length).toBeGreaterThan(5000);
    expect(errorsIn(text)).toEqual([]);
  });

  it.each([
    ['a parenthesis is missing', 'if ($Undo) {', 'if ($Undo {'],
    ['a quote is missing', "'removed'", "'removed"],
    ['a brace is missing', '    exit 0\r\n}', '    exit 0\r\n'],
  ])('a mistake would be noticed: %s', (_, right, wrong) => {
    expect(text).toContain(right);
    expect(errorsIn(text.replace(right, wrong))).not.toEqual([]);
  });
});

import type { Command } from 'commander';
import { suggest } from '../../config/suggest.ts';
import { EXIT } from '../../core/report/exit-code.ts';
import { allTopics, explainJson, explainList, explainPage, findTopic, topicIds } from '../../format/explain.ts';
import { contextOf, type Io } from '../context.ts';
import { addGlobals, checkFormat, UsageError } from '../globals.ts';

export function registerExplain(program: Command, io: Io): void {
  const command = program
    .command('explain')
    .argument('[check]', 'a check, or the id of a finding such as arp-ignore@eth9')
    .summary('what a check looks at, why, and how to fix it')
    .description('Lists every check; with the name of one, prints its page. Looks at no host.')
    .addHelpText(
      'after',
      '\nExamples:\n  rsprep explain\n  rsprep explain arp-ignore\n  rsprep explain service-source@192.0.2.10/udp/53',
    );
  addGlobals(command).action(async (name: string | undefined, _options: unknown, self: Command) => {
    const { globals, style } = contextOf(self, io);
    checkFormat(globals.format, ['text', 'json']);
    const json = globals.format === 'json';
    if (name === undefined) io.out(json ? explainJson(allTopics()) : explainList(style));
    else {
      const topic = findTopic(name);
      if (!topic) throw new UsageError(unknownCheck(name));
      io.out(json ? explainJson([topic]) : explainPage(topic, style));
    }
    io.setExitCode(EXIT.ok);
  });
}

function unknownCheck(name: string): string {
  const meant = suggest(name.split('@')[0] ?? '', topicIds());
  return `explain: expected the id of a check, received ${JSON.stringify(name)}${meant ? `; did you mean ${meant}?` : ''} (\`rsprep explain\` lists them)`;
}

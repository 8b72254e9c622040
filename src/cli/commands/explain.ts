import { suggest } from '../../config/suggest.ts';
import { EXIT } from '../../core/report/exit-code.ts';
import { allTopics, explainJson, explainList, explainPage, findTopic, topicIds } from '../../format/explain.ts';
import { command } from '../command.ts';
import { formats } from '../options/globals.ts';
import { word } from '../options/value.ts';
import { UsageError } from '../usage-error.ts';

export const explainCommand = command({
  name: 'explain',
  summary: 'what a check looks at, why, and how to fix it',
  description: 'Lists every check; with the name of a check, prints its page. Does not look at the host.',
  argument: { name: '[check]', does: 'a check, or the id of a finding such as arp-ignore@eth9', value: word },
  options: {},
  uses: { format: formats('text', 'json') },
  after: 'Examples:\n  rsprep explain\n  rsprep explain arp-ignore\n  rsprep explain service-source@192.0.2.10/udp/53',
  run: async ({ io, globals, style }, _options, [name]) => {
    const json = globals.format === 'json';
    if (name === undefined) io.out(json ? explainJson(allTopics()) : explainList(style));
    else {
      const topic = findTopic(name);
      if (!topic) throw new UsageError(unknownCheck(name));
      io.out(json ? explainJson([topic]) : explainPage(topic, style));
    }
    io.setExitCode(EXIT.ok);
  },
});

function unknownCheck(name: string): string {
  const meant = suggest(name.split('@')[0] ?? '', topicIds());
  return `expected the id of a check, received ${JSON.stringify(name)}${meant ? `; did you mean ${meant}?` : ''} (\`rsprep explain\` lists them)`;
}

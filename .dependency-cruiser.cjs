/**
 * Layer rules: imports flow downward only, between the folders of src and between the rooms inside core and linux.
 * test/unit/layers.test.ts plants a violation of each, and fails for a rule without one.
 */
const SRC = [
  {
    name: 'core-is-pure',
    comment: 'The core judges and plans; it never touches the host, a package or the clock.',
    from: { path: '^src/core/' },
    to: { pathNot: '^src/core/' },
  },
  {
    name: 'udp-stands-alone',
    comment: 'It is published as rsprep/udp: whoever installs it for its sockets gets nothing of the agent.',
    from: { path: '^src/udp/' },
    to: { path: '^src/', pathNot: '^src/udp/' },
  },
  {
    name: 'config-needs-only-core',
    comment: 'Configuration is parsed at the edge and knows only what it produces.',
    from: { path: '^src/config/' },
    to: { path: '^src/', pathNot: '^src/(config|core)/' },
  },
  {
    name: 'format-decides-nothing',
    comment: 'A formatter that could look at the host or compute an exit code would one day disagree with another.',
    from: { path: '^src/format/' },
    to: { path: '^src/(app|linux|cli|config|render|probe|udp|lab)/|^src/core/report/exit-code' },
  },
  {
    name: 'render-knows-no-host',
    comment:
      'What rsprep prints for directors comes from the configuration alone (and the numbers of the wire protocol).',
    from: { path: '^src/render/' },
    to: { path: '^src/(app|linux|cli|config|format|probe|lab|udp/(?!protocol))|^src/core/report/exit-code' },
  },
  {
    name: 'probe-judges-only',
    comment:
      'What an answer on the wire means is decided without a wire; src/app asks the questions, src/linux sends them.',
    from: { path: '^src/probe/' },
    to: { path: '^src/(app|linux|cli|config|render|lab)/' },
  },
  {
    name: 'app-uses-ports',
    comment: 'Use cases depend on interfaces (src/app/ports), so that they run on a fake host too.',
    from: { path: '^src/app/' },
    to: { path: '^src/(linux|cli|config|format|render|lab)/' },
  },
  {
    name: 'ports-come-first',
    comment:
      'A port says what use cases need; one that knew a use case would bring it into src/linux, which implements it.',
    from: { path: '^src/app/ports/' },
    to: { path: '^src/app/', pathNot: '^src/app/ports/' },
  },
  {
    name: 'verify-cannot-change-anything',
    comment: 'verify and plan reach nothing that performs: read-only by construction.',
    from: { path: '^src/app/(verify|plan|look|apply/blind)\\.ts$' },
    to: { path: '^src/(linux|app/(apply/(?!blind)|remove))' },
  },
  {
    name: 'linux-is-the-bottom',
    comment: 'The code that touches the host serves the use cases and knows only their ports.',
    from: { path: '^src/linux/' },
    to: { path: '^src/(cli|format|render|lab|config)/|^src/app/(?!ports/)' },
  },
  {
    name: 'lab-runs-the-program',
    comment: 'It does what an administrator would, by the command line: a use case called directly would prove less.',
    from: { path: '^src/lab/' },
    to: { path: '^src/(app|cli|config|render|probe)/' },
  },
  {
    name: 'cli-is-the-top',
    comment: 'What a command calls must be usable without it; only main.ts starts one.',
    from: { path: '^src/', pathNot: '^src/(cli/|main\\.ts$)' },
    to: { path: '^src/(cli/|main\\.ts$|loader\\.ts$)' },
  },
];

/** model ← sysctl, network, firewall ← checks ← judge ← plan, report */
const CORE = [
  {
    name: 'core-model-is-the-ground',
    comment: 'The words that everything else is written in; one that needed a rule would drag it everywhere.',
    from: { path: '^src/core/model/' },
    to: { path: '^src/core/', pathNot: '^src/core/model/' },
  },
  {
    name: 'core-rules-of-the-kernel',
    comment: 'What an ARP value means, where packets come in, what a ruleset drops: each alone, whoever asks.',
    from: { path: '^src/core/(sysctl|network|firewall)/' },
    to: { path: '^src/core/', pathNot: '^src/core/(model|$1)/' },
  },
  {
    name: 'core-checks-only-find',
    comment:
      'A check says what is wrong; how findings are ranked, acted on and reported is decided once, for all of them.',
    from: { path: '^src/core/checks/' },
    to: { path: '^src/core/(judge\\.ts$|plan/|report/)' },
  },
  {
    name: 'core-judge-knows-no-plan',
    comment: 'The verdict must not depend on what is done about it: verify and apply compare with the same eyes.',
    from: { path: '^src/core/judge\\.ts$' },
    to: { path: '^src/core/(plan|report)/' },
  },
  {
    name: 'core-plan-and-report-side-by-side',
    comment: 'What is done and what is said are both read off the judgement, never off one another.',
    from: { path: '^src/core/(plan|report)/' },
    to: { path: '^src/core/(plan|report)/', pathNot: '^src/core/$1/' },
  },
];

/** files ← process ← state, observe, install ← change, probe ← ports */
const LINUX = [
  {
    name: 'linux-files-first',
    comment: 'Reading and writing files safely is what everything else on the host stands on.',
    from: { path: '^src/linux/files/' },
    to: { path: '^src/linux/', pathNot: '^src/linux/files/' },
  },
  {
    name: 'linux-process-only-starts',
    comment: 'One wrapper starts every child; it does not know what for.',
    from: { path: '^src/linux/process/' },
    to: { path: '^src/linux/', pathNot: '^src/linux/(files|process)/' },
  },
  {
    name: 'linux-looking-is-not-changing',
    comment: 'What observes, remembers or installs reaches nothing that changes the network, nor one another.',
    from: { path: '^src/linux/(state|observe|install)/' },
    to: { path: '^src/linux/', pathNot: '^src/linux/(files|process|$1)/' },
  },
  {
    name: 'linux-change-and-probe-side-by-side',
    comment: 'A probe that could change the host, or a change that waited for a probe, would surprise at 3 a.m.',
    from: { path: '^src/linux/(change|probe)/' },
    to: { path: '^src/linux/', pathNot: '^src/linux/(files|process|state|observe|install|$1)/' },
  },
];

module.exports = {
  forbidden: [
    ...[...SRC, ...CORE, ...LINUX].map((rule) => ({ ...rule, severity: 'error' })),
    {
      name: 'no-cycles',
      comment: 'A cycle means that two files are one; an import() or a type closes it like any other.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    parser: 'swc',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node'],
    },
  },
};

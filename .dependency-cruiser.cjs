/** Layer rules: imports flow downward only. */
module.exports = {
  forbidden: [
    {
      name: 'core-is-pure',
      comment: 'The core judges and plans; it never touches the host, a package or the clock.',
      severity: 'error',
      from: { path: '^src/core' },
      to: { pathNot: '^src/core' },
    },
    {
      name: 'config-needs-only-core',
      comment: 'Configuration is parsed at the edge and knows only what it produces.',
      severity: 'error',
      from: { path: '^src/config' },
      to: { path: '^src/', pathNot: '^src/(config|core)' },
    },
    {
      name: 'render-decides-nothing',
      comment: 'A formatter that could look at the host or compute an exit code would one day disagree with another.',
      severity: 'error',
      from: { path: '^src/format' },
      to: { path: '^src/(app|linux|cli|config|render|udp|lab)|^src/core/report/exit-code' },
    },
    {
      name: 'render-knows-no-host',
      comment:
        'What rsprep prints for directors comes from the configuration alone (and the numbers of the wire protocol).',
      severity: 'error',
      from: { path: '^src/render' },
      to: { path: '^src/(app|linux|cli|config|format|lab|udp/(?!protocol))|^src/core/report/exit-code' },
    },
    {
      name: 'app-uses-ports',
      comment: 'Use cases depend on interfaces (src/app/ports/ports.ts), so that they run on a fake host too.',
      severity: 'error',
      from: { path: '^src/app' },
      to: { path: '^src/(linux|cli|format|render|lab)' },
    },
    {
      name: 'verify-cannot-change-anything',
      comment: 'verify and plan reach nothing that performs: read-only by construction.',
      severity: 'error',
      from: { path: '^src/app/(verify|plan|look|apply/blind)\\.ts$' },
      to: { path: '^src/(linux|app/(apply/(?!blind)|remove))' },
    },
    {
      name: 'linux-is-the-bottom',
      comment: 'The code that touches the host serves the use cases and knows only their ports.',
      severity: 'error',
      from: { path: '^src/linux' },
      to: { path: '^src/(cli|format|render|lab|config)|^src/app/(?!ports)' },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle means that two files are one.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
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

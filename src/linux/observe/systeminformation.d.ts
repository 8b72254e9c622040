// The files of systeminformation that facts.ts loads, with the package's own types.
declare module 'systeminformation/lib/osinfo.js' {
  export const osInfo: typeof import('systeminformation').osInfo;
}
declare module 'systeminformation/lib/system.js' {
  export const system: typeof import('systeminformation').system;
}
declare module 'systeminformation/lib/cpu.js' {
  export const cpu: typeof import('systeminformation').cpu;
}
declare module 'systeminformation/lib/memory.js' {
  export const mem: typeof import('systeminformation').mem;
}
declare module 'systeminformation/lib/network.js' {
  export const networkInterfaces: typeof import('systeminformation').networkInterfaces;
}

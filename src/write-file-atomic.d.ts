/** write-file-atomic 7 ships no types; this is the part that is used. */
declare module 'write-file-atomic' {
  interface Options {
    readonly mode?: number;
    readonly fsync?: boolean;
    readonly chown?: { readonly uid: number; readonly gid: number } | false;
  }
  const writeFileAtomic: { sync(path: string, data: string | Uint8Array, options?: Options): void };
  export default writeFileAtomic;
}

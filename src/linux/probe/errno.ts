import { getSystemErrorName } from 'node:util';

/** A negated errno in words. */
export function errnoText(status: number): { readonly text: string; readonly privilege: boolean } {
  const name = getSystemErrorName(status);
  return {
    text: name === 'EPERM' || name === 'EACCES' ? `not permitted (${name})` : name,
    privilege: PRIVILEGE.has(name),
  };
}

const PRIVILEGE = new Set(['EPERM', 'EACCES']);

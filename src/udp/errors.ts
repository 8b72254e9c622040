import { getSystemErrorName } from 'node:util';

export interface SocketError extends Error {
  readonly errno?: number;
  readonly code: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly port?: number;
}

/** An error as dgram makes it: `bind EADDRINUSE 0.0.0.0:53`, with errno, code, syscall, address and port. */
export function systemError(errno: number, syscall: string, address?: string, port?: number): SocketError {
  const code = getSystemErrorName(errno);
  const where = address === undefined ? '' : ` ${address}${port === undefined ? '' : `:${port}`}`;
  return Object.assign(new Error(`${syscall} ${code}${where}`), {
    errno,
    code,
    syscall,
    ...(address === undefined ? {} : { address }),
    ...(port === undefined ? {} : { port }),
  });
}

export const usageError = (code: string, message: string): SocketError => Object.assign(new Error(message), { code });

/** As dgram says it, so that callers who match on the code go on working. */
export const notRunning = (): SocketError => usageError('ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running');

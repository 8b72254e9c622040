import { spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { errorCode } from '../linux/files/errors.ts';
import { CHILD_ENV } from '../linux/process/command.ts';
import type { RunOutcome, RunRequest } from './protocol.ts';

/** This very program, as argv: the lab runs the rsprep it is part of. */
export function ownArgv(...words: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, ...process.execArgv, ownScript(), ...words];
}

export const ownScript = (): string => realpathSync(process.argv[1] ?? '');

/** How a person would call this program again. */
export function ownCommand(): string {
  const script = process.argv[1] ?? 'rsprep';
  return basename(script) === 'rsprep' ? 'rsprep' : `node ${script}`;
}

/** Environment of everything the lab starts. */
export const LAB_ENV: Readonly<Record<string, string>> = { ...CHILD_ENV, HOME: '/', TERM: process.env.TERM ?? 'dumb' };

/** Runs a program to its end without blocking this process; never rejects for what the program does. */
export function run({ argv, input, timeoutMs }: RunRequest): Promise<RunOutcome> {
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, { env: LAB_ENV, stdio: 'pipe', timeout: timeoutMs, killSignal: 'SIGKILL' });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    child.stdin.on('error', () => child.stdin.destroy()); // EPIPE: it ended without reading its input
    child.stdin.end(input);
    child.on('error', (error) =>
      errorCode(error) === 'ENOENT' ? resolve({ kind: 'missing', program }) : reject(error),
    );
    child.on('close', (status) => resolve({ kind: 'ended', status, ...output }));
  });
}

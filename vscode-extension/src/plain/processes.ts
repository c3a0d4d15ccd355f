/** Programs that are run to their end. */

import { spawn } from "node:child_process";

export interface Ended {
  readonly code: number | null; // null: it was killed, or could not be started
  readonly stdout: string;
  readonly stderr: string; // or why it could not be started
}

export interface RunOptions {
  readonly cwd?: string | undefined;
  readonly seconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/** UTF-8 whatever the locale; and no module of the workspace takes the place of one of Python's. */
const PLAIN = { PYTHONIOENCODING: "utf-8:surrogateescape", PYTHONUTF8: "1", PYTHONSAFEPATH: "1" };

/** Never rejects: that a program can't be started is a result too. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const limit = AbortSignal.timeout((options.seconds ?? 20) * 1000);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...PLAIN },
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      signal,
      killSignal: "SIGKILL",
    });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (data: Buffer) => stdout.push(data));
    child.stderr.on("data", (data: Buffer) => stderr.push(data));
    const done = (code: number | null, why: string): void => {
      resolve({
        code,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString() + why,
      });
    };
    child.on("error", (error) => {
      done(null, limit.aborted ? `no answer within ${options.seconds ?? 20} seconds` : error.message);
    });
    child.on("close", (code) => {
      done(code, "");
    });
  });
}

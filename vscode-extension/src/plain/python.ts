/** Which Python has llmspell: where to look, what to ask it, and what to tell when there is none. */

import { posix, win32 } from "node:path";
import { compare, OLDEST } from "./versions";

export interface Candidate {
  readonly command: string;
  readonly from: string; // in words, for messages
}

export interface Places {
  readonly configured: string; // in the launch configuration
  readonly setting: string;
  readonly pythonExtension: string | undefined;
  readonly folders: readonly string[];
  readonly windows: boolean;
}

/** What a Python says of itself. */
export interface Answer {
  readonly executable: string;
  readonly python: string;
  readonly llmspell: string | null;
  readonly commands: readonly string[];
  readonly runtime?: string | null; // the folder in which kernels leave their connection files
}

export type Found =
  | {
      readonly kind: "ready";
      readonly command: string;
      readonly version: string;
      readonly commands: readonly string[];
      readonly runtime: string | undefined;
    }
  | { readonly kind: "none" } // no Python at all
  | { readonly kind: "broken"; readonly candidate: Candidate; readonly reason: string } // what was configured
  | { readonly kind: "without"; readonly candidate: Candidate; readonly executable: string }
  | { readonly kind: "old"; readonly executable: string; readonly version: string };

/** Prints an Answer; works in every Python 3, so that an old one gets a message and not a traceback. */
export const PROBE = `
import json, sys
version, commands, runtime = None, [], None
try:
    import llmspell_kernel
    version = getattr(llmspell_kernel, "__version__", "0")
    from llmspell_kernel.cli.main import COMMANDS
    commands = list(COMMANDS)
    from llmspell_kernel.jupyter.connection import runtime_folder
    runtime = runtime_folder()
except ImportError:
    pass
told = {"executable": sys.executable, "python": sys.version.split()[0], "llmspell": version, "commands": commands, "runtime": runtime}
print(json.dumps(told))
`;

/** The Python of a virtual environment. */
export function pythonOf(venv: string, windows: boolean): string {
  return venv + (windows ? "\\Scripts\\python.exe" : "/bin/python");
}

/** What a path in a setting may be relative to. */
export interface Bases {
  readonly folder: string | undefined; // of the workspace
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly windows: boolean;
}

/** Settings know nothing of variables, and no shell reads them: `~`, `${…}` and relative paths are ours to understand. */
export function expandedPath(written: string, bases: Bases): string {
  const path = written
    .trim()
    .replaceAll("${workspaceFolder}", bases.folder ?? "")
    .replaceAll("${userHome}", bases.home)
    .replace(/\$\{env:(\w+)\}/g, (_, name: string) => bases.environment[name] ?? "")
    .replace(/^~(?=$|[/\\])/, () => bases.home);
  const isBare = !path.includes("/") && !path.includes("\\"); // a name, for PATH
  const rules = bases.windows ? win32 : posix;
  return isBare || bases.folder === undefined || rules.isAbsolute(path)
    ? path
    : rules.join(bases.folder, path);
}

/** In the order in which they count. What the user has chosen leaves no other choice. */
export function candidates(places: Places): Candidate[] {
  if (places.configured) return [{ command: places.configured, from: "the launch configuration" }];
  if (places.setting) return [{ command: places.setting, from: "the setting llmspell.python" }];
  const found: Candidate[] = [];
  if (places.pythonExtension) found.push({ command: places.pythonExtension, from: "the Python extension" });
  for (const folder of places.folders) {
    const venv = folder + (places.windows ? "\\.venv" : "/.venv");
    found.push({ command: pythonOf(venv, places.windows), from: "the workspace" });
  }
  const names = places.windows ? ["python", "py"] : ["python3", "python"];
  return [...found, ...names.map((command) => ({ command, from: "PATH" }))];
}

/** From the last line of what the probe printed: a sitecustomize may print too. */
export function readAnswer(stdout: string): Answer | undefined {
  try {
    const answer = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Answer;
    return typeof answer.executable === "string" && Array.isArray(answer.commands) ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** Asks the candidates in turn: the first that has a usable llmspell, else the best that can be said of them. */
export async function choose(
  all: readonly Candidate[],
  ask: (candidate: Candidate) => Promise<Answer | string>,
): Promise<Found> {
  let best: Found = { kind: "none" };
  for (const candidate of all) {
    const answer = await ask(candidate);
    const found = judged(candidate, answer);
    if (found.kind === "ready") return found;
    if (found.kind === "old" || best.kind === "none") best = worthTelling(found, candidate) ? found : best;
  }
  return best;
}

function judged(candidate: Candidate, answer: Answer | string): Found {
  if (typeof answer === "string") return { kind: "broken", candidate, reason: answer };
  if (answer.llmspell === null) return { kind: "without", candidate, executable: answer.executable };
  if (compare(answer.llmspell, OLDEST) < 0)
    return { kind: "old", executable: answer.executable, version: answer.llmspell };
  const { llmspell: version, commands, runtime } = answer;
  return { kind: "ready", command: candidate.command, version, commands, runtime: runtime ?? undefined };
}

/** That a place where we only looked has no Python is nothing to complain of. */
function worthTelling(found: Found, candidate: Candidate): boolean {
  return found.kind !== "broken" || !["PATH", "the workspace"].includes(candidate.from);
}

export interface Advice {
  readonly text: string;
  readonly install?: string; // the Python into which llmspell can be installed
}

export function advice(found: Exclude<Found, { kind: "ready" }>): Advice {
  switch (found.kind) {
    case "none":
      return {
        text: "llmspell needs Python 3.10 or newer, and none was found. Install one, or choose it (setting llmspell.python).",
      };
    case "broken":
      return {
        text: `${found.candidate.command} (from ${found.candidate.from}) does not run: ${found.reason}`,
      };
    case "without":
      return {
        text: `${found.executable} (from ${found.candidate.from}) does not have llmspell. Install it there, or choose another Python.`,
        install: found.executable,
      };
    case "old":
      return {
        text: `${found.executable} has llmspell ${found.version}, and this extension needs ${OLDEST} or newer. Upgrade it, or choose another Python.`,
        install: found.executable,
      };
  }
}

/** Debug configurations: what is offered, and what an incomplete one means. */

export const TYPE = "llmspell";

export const SAVE_FIRST = "Save the Lua file first: only a file can be run.";

export interface Configuration {
  type: string;
  request: string;
  name: string;
  [key: string]: unknown;
}

/** What is open in the editor. */
export interface Surroundings {
  readonly luaFile: string | undefined; // the file in the active editor, if it is Lua
  readonly isUnsaved?: boolean; // there is a Lua text in it that is in no file yet
  readonly hasFolder: boolean;
}

export type Resolved = { readonly configuration: Configuration } | { readonly problem: string };

export interface Kernel {
  readonly id: string;
  readonly connectionFile?: string | undefined;
}

export function debugThisFile(hasFolder: boolean): Configuration {
  const cwd = hasFolder ? "${workspaceFolder}" : "${fileDirname}";
  return { type: TYPE, request: "launch", name: "Debug this Lua file", program: "${file}", cwd };
}

/** By its file, which is there for this one alone; the adapter takes one of the two. */
export function attachTo(kernel: Kernel): Configuration {
  const which = kernel.connectionFile ? { connectionFile: kernel.connectionFile } : { kernel: kernel.id };
  return { type: TYPE, request: "attach", name: `Attach to kernel ${kernel.id}`, ...which };
}

/** Empty is what stands there until it is filled in: as good as not there. */
function has(given: Partial<Configuration>, name: string): boolean {
  const value = given[name];
  return value !== undefined && value !== null && value !== "";
}

/** Before variables are substituted. F5 without a launch.json comes with an empty configuration. */
export function resolved(given: Partial<Configuration>, around: Surroundings): Resolved {
  if (!given.type && !given.request && !given.name) {
    if (around.isUnsaved) return { problem: SAVE_FIRST };
    if (around.luaFile === undefined)
      return { problem: "Open a Lua file to debug it, or write a launch.json." };
    return { configuration: { ...debugThisFile(around.hasFolder), ...given } }; // Ctrl+F5 says noDebug
  }
  const request = given.request ?? "launch";
  const configuration: Configuration = { ...given, type: TYPE, request, name: given.name ?? "Lua" };
  return request === "attach" ? attach(configuration) : launch(configuration, around);
}

function launch(given: Configuration, around: Surroundings): Resolved {
  if (typeof given.program !== "string" || given.program.trim() === "")
    return { problem: `"${given.name}" has no "program": the Lua script to debug, such as "\${file}".` };
  if (has(given, "port")) return withPort(given); // the program and its folder are elsewhere
  const cwd = around.hasFolder ? "${workspaceFolder}" : undefined;
  return { configuration: { ...(cwd ? { cwd } : {}), ...given } };
}

function attach(given: Configuration): Resolved {
  if (has(given, "port")) return withPort(given);
  if (has(given, "kernel") || has(given, "connectionFile")) return { configuration: given };
  return {
    problem: `"${given.name}" says not what to attach to: it needs "kernel", "connectionFile" or "port".`,
  };
}

function withPort(given: Configuration): Resolved {
  const port = typeof given.port === "string" ? Number(given.port) : given.port; // an ${input:…} is text
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65535)
    return {
      problem: `"port" of "${given.name}" must be a number from 1 to 65535, not ${JSON.stringify(given.port)}.`,
    };
  return { configuration: { ...given, port } };
}

/** Whose process the adapter is. */
export type Adapter =
  | { readonly kind: "server"; readonly host: string; readonly port: number }
  | { readonly kind: "process"; readonly args: readonly string[] };

/** The port of an attach is a kernel's, which the adapter speaks to. */
export function adapterOf(configuration: Configuration): Adapter {
  if (configuration.request !== "attach" && typeof configuration.port === "number") {
    const host =
      typeof configuration.host === "string" && configuration.host ? configuration.host : "127.0.0.1";
    return { kind: "server", host, port: configuration.port };
  }
  return { kind: "process", args: ["-m", "llmspell_dap"] };
}

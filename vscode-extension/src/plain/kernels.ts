/** What `llmspell kernel status -o json` says. */

export interface KernelStatus {
  readonly id: string;
  readonly state: string;
  readonly pid: number | undefined;
  readonly connectionFile: string | undefined;
  readonly logFile: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A list, or an object that holds it. Throws for anything else. */
export function readStatus(stdout: string): KernelStatus[] {
  const data: unknown = JSON.parse(stdout);
  const list = Array.isArray(data) ? data : (data as { kernels?: unknown } | null)?.kernels;
  if (!Array.isArray(list)) throw new Error("kernel status gave no list of kernels");
  return list.filter(isRecord).map(readKernel);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readKernel(details: Record<string, unknown>): KernelStatus {
  const text = (...names: string[]): string | undefined => {
    const value = names.map((name) => details[name]).find((one) => typeof one === "string" && one !== "");
    return value as string | undefined;
  };
  return {
    id: text("id", "kernel_id") ?? "?",
    state: text("state", "status", "execution_state") ?? "running",
    pid: typeof details.pid === "number" ? details.pid : undefined,
    connectionFile: text("connection_file", "connectionFile"),
    logFile: text("log_file", "logFile"),
    details,
  };
}

/** Whether a file of the runtime folder is of a kernel. */
export function isConnectionFile(name: string): boolean {
  return name.startsWith("kernel-") && name.endsWith(".json");
}

/** What is seen of them without asking: how long they run changes all the time, and is nothing to draw anew for. */
export function looksSame(before: readonly KernelStatus[], after: readonly KernelStatus[]): boolean {
  const seen = (all: readonly KernelStatus[]): string =>
    JSON.stringify(all.map((one) => [one.id, one.state, one.pid, one.connectionFile]));
  return seen(before) === seen(after);
}

/** Markdown for a tooltip. */
export function describe(kernel: KernelStatus): string {
  const rows = Object.entries(kernel.details)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(
      ([name, value]) => `| ${name} | ${cell(typeof value === "string" ? value : JSON.stringify(value))} |`,
    );
  return ["| | |", "|---|---|", ...rows].join("\n");
}

function cell(text: string): string {
  return text.replace(/[|\\`*_<>[\]]/g, "\\$&").replace(/\s+/g, " ");
}

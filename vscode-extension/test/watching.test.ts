import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FolderWatch } from "../src/plain/watching";

const isKernel = (name: string): boolean => name.startsWith("kernel-") && name.endsWith(".json");

/** A folder that is watched; `next` waits for what is told of it. */
function watched(t: TestContext, ...below: string[]): { folder: string; next: () => Promise<void> } {
  const home = mkdtempSync(join(tmpdir(), "llmspell-watch-"));
  const folder = join(home, ...below);
  let told = 0;
  let tell = (): void => undefined;
  const watch = new FolderWatch(folder, isKernel, () => {
    told += 1;
    tell();
  });
  const keepAlive = setInterval(() => undefined, 1000); // the watch itself holds up nobody's end
  t.after(() => {
    watch.close();
    clearInterval(keepAlive);
    rmSync(home, { recursive: true, force: true });
  });
  const next = async (): Promise<void> => {
    if (told === 0) await new Promise<void>((resolve) => (tell = resolve));
    told = 0;
  };
  return { folder, next };
}

test("a file that comes, is replaced and goes is told of", async (t) => {
  const { folder, next } = watched(t);
  const file = join(folder, "kernel-1.json");
  writeFileSync(join(folder, "draft"), "{}");
  renameSync(join(folder, "draft"), file);
  await next();
  writeFileSync(file, "[]");
  await next();
  rmSync(file);
  await next();
});

test("a folder that is made later is watched from then on, and again when it is made anew", async (t) => {
  const { folder, next } = watched(t, "share", "jupyter", "runtime");
  for (const name of ["kernel-1.json", "kernel-2.json"]) {
    mkdirSync(folder, { recursive: true });
    await next();
    writeFileSync(join(folder, name), "{}");
    await next();
    rmSync(folder, { recursive: true });
    await next();
  }
});

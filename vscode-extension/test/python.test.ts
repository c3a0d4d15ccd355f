import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../src/plain/processes";
import {
  advice,
  candidates,
  choose,
  expandedPath,
  PROBE,
  readAnswer,
  type Answer,
  type Candidate,
} from "../src/plain/python";
import { compare } from "../src/plain/versions";

const NOWHERE = { configured: "", setting: "", pythonExtension: undefined, folders: [], windows: false };
const ANSWER: Answer = {
  executable: "/usr/bin/python3",
  python: "3.11.2",
  llmspell: "9.0",
  commands: ["dap"],
};

function answering(
  answers: Record<string, Answer | string>,
): (candidate: Candidate) => Promise<Answer | string> {
  return (candidate) => Promise.resolve(answers[candidate.command] ?? "no such file");
}

test("versions are compared by number, pre-releases are older", () => {
  const sorted = ["0.9", "0.10.0rc1", "0.10", "0.10.1", "1.0.dev1", "1.0"];
  assert.deepEqual([...sorted].reverse().sort(compare), sorted);
  assert.equal(compare("1.0", "1.0.0"), 0);
});

test("what is configured is the only candidate", () => {
  const all = { ...NOWHERE, pythonExtension: "/ext/python", folders: ["/ws"] };
  const commands = (places: typeof all): string[] => candidates(places).map((one) => one.command);
  assert.deepEqual(commands({ ...all, configured: "/a", setting: "/b" }), ["/a"]);
  assert.deepEqual(commands({ ...all, setting: "/b" }), ["/b"]);
  assert.deepEqual(commands(all), ["/ext/python", "/ws/.venv/bin/python", "python3", "python"]);
});

test("on Windows a .venv has Scripts", () => {
  const commands = candidates({ ...NOWHERE, folders: ["C:\\ws"], windows: true }).map((one) => one.command);
  assert.deepEqual(commands, ["C:\\ws\\.venv\\Scripts\\python.exe", "python", "py"]);
});

test("the first Python that has llmspell is taken", async () => {
  const all = candidates({ ...NOWHERE, folders: ["/ws"] });
  const without = { ...ANSWER, llmspell: null };
  const found = await choose(all, answering({ "/ws/.venv/bin/python": without, python3: ANSWER }));
  assert.ok(found.kind === "ready");
  assert.equal(found.command, "python3");
});

test("if none has it, the message names the Python that counts most and offers to install there", async () => {
  const all = candidates({ ...NOWHERE, folders: ["/ws"] });
  const inVenv = { ...ANSWER, llmspell: null, executable: "/ws/.venv/bin/python" };
  const found = await choose(
    all,
    answering({ "/ws/.venv/bin/python": inVenv, python3: { ...ANSWER, llmspell: null } }),
  );
  assert.ok(found.kind === "without");
  assert.match(advice(found).text, /^\/ws\/.venv\/bin\/python \(from the workspace\) does not have llmspell/);
  assert.equal(advice(found).install, "/ws/.venv/bin/python");
});

test("an old llmspell is told with both versions", async () => {
  const found = await choose(candidates(NOWHERE), answering({ python3: { ...ANSWER, llmspell: "0.0.9" } }));
  assert.ok(found.kind === "old");
  assert.match(advice(found).text, /has llmspell 0\.0\.9, and this extension needs 0\.1\.0 or newer/);
});

test("without any Python the message says what to install", async () => {
  const found = await choose(candidates({ ...NOWHERE, folders: ["/ws"] }), answering({}));
  assert.ok(found.kind === "none");
  assert.match(advice(found).text, /Python 3\.10 or newer/);
});

test("a configured Python that does not run is named with the reason", async () => {
  const found = await choose(candidates({ ...NOWHERE, setting: "/nowhere/python" }), answering({}));
  assert.ok(found.kind === "broken");
  assert.match(
    advice(found).text,
    /^\/nowhere\/python \(from the setting llmspell\.python\) does not run: no such file/,
  );
});

test("an llmspell says what it can, and where its kernels are found", async () => {
  const ended = await run(process.env.PYTHON ?? "python3", ["-c", PROBE]);
  const answer = readAnswer(ended.stdout);
  assert.ok(answer, ended.stderr);
  assert.ok(answer.commands.includes("kernel"));
  assert.match(answer.runtime ?? "", /runtime/);
});

test("the probe is answered by a real Python, with and without llmspell", async () => {
  const folder = mkdtempSync(join(tmpdir(), "llmspell-probe-"));
  const python = process.env.PYTHON ?? "python3";
  const without = await run(python, ["-S", "-c", PROBE], { cwd: folder });
  assert.equal(readAnswer(without.stdout)?.llmspell, null, without.stderr);
  writeFileSync(join(folder, "llmspell_kernel.py"), "print('noise')\n__version__ = '0.0.1'\n");
  process.env.PYTHONPATH = folder;
  const old = await run(python, ["-S", "-c", PROBE], { cwd: folder });
  delete process.env.PYTHONPATH;
  assert.equal(readAnswer(old.stdout)?.llmspell, "0.0.1", old.stderr);
  rmSync(folder, { recursive: true });
});

test("what is no answer is none", () => {
  assert.equal(readAnswer(""), undefined);
  assert.equal(readAnswer("Python 2.7"), undefined);
  assert.equal(readAnswer("[1]"), undefined);
});

test("a program that can't be started or does not end is a result, not an error", async () => {
  const missing = await run("/nowhere/at/all", []);
  assert.equal(missing.code, null);
  assert.match(missing.stderr, /ENOENT/);
  const stuck = await run(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { seconds: 0.2 });
  assert.equal(stuck.code, null);
  assert.match(stuck.stderr, /no answer within 0\.2 seconds/);
});

test("a path in a setting may be short", () => {
  const bases = { folder: "/ws/my project", home: "/home/ann", environment: { VENVS: "/v" }, windows: false };
  const cases: Record<string, string> = {
    "": "",
    python3: "python3",
    "~": "/home/ann",
    "~/lua env/bin/python": "/home/ann/lua env/bin/python",
    "${userHome}/bin/python": "/home/ann/bin/python",
    "${env:VENVS}/a/bin/python": "/v/a/bin/python",
    "${workspaceFolder}/.venv/bin/python": "/ws/my project/.venv/bin/python",
    ".venv/bin/python": "/ws/my project/.venv/bin/python",
    "../tools/python": "/ws/tools/python",
    " /usr/bin/python3 ": "/usr/bin/python3",
    "~other/python": "/ws/my project/~other/python",
  };
  for (const [written, expected] of Object.entries(cases))
    assert.equal(expandedPath(written, bases), expected);
  assert.equal(expandedPath("bin/python", { ...bases, folder: undefined }), "bin/python");
  const windows = { ...bases, folder: "C:\\ws", home: "C:\\Users\\ann", windows: true };
  assert.equal(expandedPath("~\\python.exe", windows), "C:\\Users\\ann\\python.exe");
  assert.equal(expandedPath(".venv\\python.exe", windows), "C:\\ws\\.venv\\python.exe");
  assert.equal(expandedPath("D:\\python.exe", windows), "D:\\python.exe");
});

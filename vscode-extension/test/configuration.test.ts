import assert from "node:assert/strict";
import { test } from "node:test";
import { adapterOf, attachTo, resolved, type Configuration, type Resolved } from "../src/plain/configuration";

const IN_FOLDER = { luaFile: "/ws/main.lua", hasFolder: true };

function configuration(result: Resolved): Configuration {
  assert.ok("configuration" in result, JSON.stringify(result));
  return result.configuration;
}

function problem(result: Resolved): string {
  assert.ok("problem" in result, JSON.stringify(result));
  return result.problem;
}

test("F5 without a launch.json debugs the open file in the workspace's folder", () => {
  const found = configuration(resolved({}, IN_FOLDER));
  assert.equal(found.type, "llmspell");
  assert.equal(found.program, "${file}");
  assert.equal(found.cwd, "${workspaceFolder}");
});

test("Ctrl+F5 without a launch.json does not debug", () => {
  assert.equal(configuration(resolved({ noDebug: true }, IN_FOLDER)).noDebug, true);
});

test("F5 without a folder runs the file in its own", () => {
  assert.equal(configuration(resolved({}, { luaFile: "/a.lua", hasFolder: false })).cwd, "${fileDirname}");
});

test("F5 without a Lua file says what to open", () => {
  assert.match(problem(resolved({}, { luaFile: undefined, hasFolder: true })), /Open a Lua file/);
});

test("F5 in a Lua text that is in no file yet says to save it", () => {
  const unsaved = { luaFile: undefined, isUnsaved: true, hasFolder: true };
  assert.match(problem(resolved({}, unsaved)), /Save the Lua file first/);
  const given = { type: "llmspell", request: "launch", name: "x", program: "/ws/main.lua" };
  assert.equal(configuration(resolved(given, unsaved)).program, "/ws/main.lua");
});

test("what a configuration says is kept, what it leaves open is filled in", () => {
  const given = { type: "llmspell", request: "launch", name: "x", program: "a.lua", cwd: "/elsewhere" };
  assert.equal(configuration(resolved(given, IN_FOLDER)).cwd, "/elsewhere");
  const { cwd, ...rest } = given;
  assert.ok(cwd);
  assert.equal(configuration(resolved(rest, IN_FOLDER)).cwd, "${workspaceFolder}");
});

test("a launch needs a program", () => {
  const given = { type: "llmspell", request: "launch", name: "Mine" };
  assert.match(problem(resolved(given, IN_FOLDER)), /"Mine" has no "program"/);
  assert.match(problem(resolved({ ...given, program: " " }, IN_FOLDER)), /program/);
});

test("an attach needs something to attach to", () => {
  const given = { type: "llmspell", request: "attach", name: "Mine" };
  assert.match(problem(resolved(given, IN_FOLDER)), /"kernel", "connectionFile" or "port"/);
  for (const nothing of [{ kernel: "" }, { connectionFile: "", port: null }, { port: "" }])
    assert.match(problem(resolved({ ...given, ...nothing }, IN_FOLDER)), /says not what to attach to/);
  for (const where of [{ kernel: "k1" }, { connectionFile: "/run/k1.json" }, { port: 4711, host: "box" }])
    assert.deepEqual(configuration(resolved({ ...given, ...where }, IN_FOLDER)), { ...given, ...where });
});

test("a port is a number, even if an input has given a text", () => {
  const given = { type: "llmspell", request: "launch", name: "x", program: "/app/a.lua" };
  assert.equal(configuration(resolved({ ...given, port: "4711" }, IN_FOLDER)).port, 4711);
  for (const port of ["x", 0, 70000, 1.5])
    assert.match(problem(resolved({ ...given, port }, IN_FOLDER)), /from 1 to 65535/);
});

test("a program elsewhere is not given a folder of this machine", () => {
  const given = { type: "llmspell", request: "launch", name: "x", program: "/app/a.lua", port: 4711 };
  assert.equal(configuration(resolved(given, IN_FOLDER)).cwd, undefined);
});

test("the adapter is a process, or a server where a port is given", () => {
  const given = { type: "llmspell", request: "launch", name: "x" };
  assert.deepEqual(adapterOf(given), { kind: "process", args: ["-m", "llmspell_dap"] });
  assert.deepEqual(adapterOf({ ...given, port: 1 }), { kind: "server", host: "127.0.0.1", port: 1 });
  assert.deepEqual(adapterOf({ ...given, port: 1, host: "box" }), { kind: "server", host: "box", port: 1 });
});

test("the port of an attach is a kernel's: the adapter is our process", () => {
  const given = { type: "llmspell", request: "attach", name: "x", port: 4711 };
  assert.equal(adapterOf(configuration(resolved(given, IN_FOLDER))).kind, "process");
});

test("a running kernel is attached to by one thing: its connection file, or its id", () => {
  const found = configuration(resolved(attachTo({ id: "k1", connectionFile: "/run/k1.json" }), IN_FOLDER));
  assert.equal(found.name, "Attach to kernel k1");
  assert.deepEqual([found.connectionFile, found.kernel], ["/run/k1.json", undefined]);
  assert.equal(attachTo({ id: "k1" }).kernel, "k1");
});

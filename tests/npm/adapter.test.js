// The adapter as @vscode/debugadapter-testsupport sees it. PYTHON names the interpreter.
"use strict";
const assert = require("assert");
const fs = require("fs");
const os = require("os");
const path = require("path");
const { DebugClient } = require("@vscode/debugadapter-testsupport");

const root = path.resolve(__dirname, "../..");
const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "llmspell-npm-")));

function written(name, lines) {
  const file = path.join(folder, name);
  fs.writeFileSync(file, lines.join("\n") + "\n");
  return file;
}

const program = written("program.lua", [
  "local function add(a, b)",
  "  local sum = a + b",
  "  return sum",
  "end",
  "print(add(1, 2))",
  "error('the end')",
]);

describe("llmspell dap", () => {
  let client;

  beforeEach(() => {
    client = new DebugClient(process.env.PYTHON, path.join(root, "llmspell_dap", "__main__.py"), "llmspell", {
      cwd: root,
      env: { ...process.env, PYTHONPATH: root },
    });
    return client.start();
  });

  afterEach(() => client.stop());

  it("announces what it can", async () => {
    const response = await client.initializeRequest();
    assert.strictEqual(response.body.supportsConfigurationDoneRequest, true);
    assert.ok(response.body.exceptionBreakpointFilters.length >= 3);
  });

  it("refuses an unknown request", async () => {
    await client.initializeRequest();
    await assert.rejects(() => client.send("illegalRequest"));
  });

  it("runs to the end", () =>
    Promise.all([
      client.configurationSequence(),
      client.launch({ program: written("hello.lua", ["print('hello')"]) }),
      client.waitForEvent("terminated"),
      client.assertOutput("stdout", "hello"),
    ]));

  it("stops on entry", () =>
    Promise.all([
      client.configurationSequence(),
      client.launch({ program, stopOnEntry: true }),
      client.assertStoppedLocation("entry", { path: program, line: 4 }),
    ]));

  it("stops at a breakpoint and shows variables", async () => {
    await client.hitBreakpoint({ program }, { path: program, line: 3, verified: false });
    const stack = await client.stackTraceRequest({ threadId: 1 });
    const scopes = await client.scopesRequest({ frameId: stack.body.stackFrames[0].id });
    const reference = scopes.body.scopes[0].variablesReference;
    const variables = await client.variablesRequest({ variablesReference: reference });
    const found = Object.fromEntries(variables.body.variables.map((v) => [v.name, v.value]));
    assert.deepStrictEqual(found, { a: "1", b: "2", sum: "3" });
  });

  it("steps", async () => {
    await client.hitBreakpoint({ program }, { path: program, line: 2, verified: false });
    await Promise.all([
      client.nextRequest({ threadId: 1 }),
      client.assertStoppedLocation("step", { path: program, line: 3 }),
    ]);
  });

  it("stops at an uncaught error", () =>
    Promise.all([
      client.waitForEvent("initialized").then(async () => {
        await client.setExceptionBreakpointsRequest({ filters: ["uncaught"] });
        await client.configurationDoneRequest();
      }),
      client.launch({ program }),
      client.assertStoppedLocation("exception", {}),
    ]));

  it("stops where a condition holds", async () => {
    const loop = written("loop.lua", ["for i = 1, 9 do", "  print(i)", "end"]);
    await client.hitBreakpoint({ program: loop }, { path: loop, line: 2, verified: false });
    const source = { path: loop };
    await client.setBreakpointsRequest({ source, breakpoints: [{ line: 2, condition: "i == 7" }] });
    const [, stopped] = await Promise.all([
      client.continueRequest({ threadId: 1 }),
      client.assertStoppedLocation("breakpoint", { path: loop, line: 2 }),
    ]);
    const frameId = stopped.body.stackFrames[0].id;
    const value = await client.evaluateRequest({ expression: "i", frameId, context: "watch" });
    assert.strictEqual(value.body.result, "7");
  });

  it("steps in and out", async () => {
    await client.hitBreakpoint({ program }, { path: program, line: 5, verified: false });
    await Promise.all([
      client.stepInRequest({ threadId: 1 }),
      client.assertStoppedLocation("step", { path: program, line: 2 }),
    ]);
    await Promise.all([
      client.stepOutRequest({ threadId: 1 }),
      client.assertStoppedLocation("step", { path: program, line: 5 }),
    ]);
  });

  it("keeps the streams apart", () =>
    Promise.all([
      client.configurationSequence(),
      client.launch({ program: written("streams.lua", ["print('out')", "io.stderr:write('err\\n')"]) }),
      client.assertOutput("stdout", "out"),
      client.assertOutput("stderr", "err"),
      client.waitForEvent("terminated"),
    ]));

  it("refuses a program that is not there", async () => {
    await client.initializeRequest();
    await assert.rejects(() => client.launchRequest({ program: path.join(folder, "missing.lua") }), /no such file/);
  });

  it("pauses and terminates an endless program", async () => {
    const endless = written("endless.lua", ["print('ready')", "while true do end"]);
    await Promise.all([
      client.configurationSequence(),
      client.launch({ program: endless }),
      client.assertOutput("stdout", "ready"),
    ]);
    await Promise.all([
      client.pauseRequest({ threadId: 1 }),
      client.assertStoppedLocation("pause", { path: endless, line: 2 }),
    ]);
    const [exited] = await Promise.all([
      client.waitForEvent("exited"),
      client.waitForEvent("terminated"),
      client.terminateRequest(),
    ]);
    assert.strictEqual(exited.body.exitCode, 143);
  });
});

// The adapter as @vscode/debugadapter-testsupport sees it. PYTHON names the interpreter.
"use strict";
const assert = require("assert");
const { spawn } = require("child_process");
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

const main = path.join(root, "llmspell_dap", "__main__.py");
const options = { cwd: root, env: { ...process.env, PYTHONPATH: root } };

/** One that listens, for all its clients; gives its port. */
async function listening() {
  const adapter = spawn(process.env.PYTHON, [main, "--listen", "127.0.0.1:0"], { ...options, stdio: ["ignore", "pipe", "inherit"] });
  const line = await new Promise((resolve) => adapter.stdout.once("data", (data) => resolve(String(data))));
  return { adapter, port: Number(/:(\d+)\s*$/.exec(line)[1]) };
}

for (const transport of ["stdio", "TCP"])
  describe(`llmspell dap over ${transport}`, () => stories(transport));

function stories(transport) {
  let client;
  let server;

  before(async () => {
    if (transport === "TCP") server = await listening();
  });

  after(() => server?.adapter.kill());

  beforeEach(() => {
    client = new DebugClient(process.env.PYTHON, main, "llmspell", options);
    return client.start(server?.port);
  });

  afterEach(() => client?.stop());

  /** As its hitBreakpoint, which also asks whether the breakpoint is verified: before the program is loaded it is not. */
  function hit(launch, { path, line }) {
    const configured = client.waitForEvent("initialized").then(async () => {
      const answer = await client.setBreakpointsRequest({ source: { path }, breakpoints: [{ line }] });
      assert.deepStrictEqual(answer.body.breakpoints.map((one) => one.line), [line]);
      return client.configurationDoneRequest();
    });
    return Promise.all([configured, client.launch(launch), client.assertStoppedLocation("breakpoint", { path, line })]);
  }

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
    await hit({ program }, { path: program, line: 3 });
    const stack = await client.stackTraceRequest({ threadId: 1 });
    const scopes = await client.scopesRequest({ frameId: stack.body.stackFrames[0].id });
    const reference = scopes.body.scopes[0].variablesReference;
    const variables = await client.variablesRequest({ variablesReference: reference });
    const found = Object.fromEntries(variables.body.variables.map((v) => [v.name, v.value]));
    assert.deepStrictEqual(found, { a: "1", b: "2", sum: "3" });
  });

  it("steps", async () => {
    await hit({ program }, { path: program, line: 2 });
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
    await hit({ program: loop }, { path: loop, line: 2 });
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
    await hit({ program }, { path: program, line: 5 });
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

  it("edits variables, and the program goes on with them", async () => {
    await hit({ program }, { path: program, line: 3 });
    const [top] = (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames;
    const [locals] = (await client.scopesRequest({ frameId: top.id })).body.scopes;
    const sum = { variablesReference: locals.variablesReference, name: "sum", value: "20" };
    assert.strictEqual((await client.setVariableRequest(sum)).body.value, "20");
    const more = { expression: "sum", value: "sum + 1", frameId: top.id };
    assert.strictEqual((await client.customRequest("setExpression", more)).body.value, "21");
    await Promise.all([client.continueRequest({ threadId: 1 }), client.assertOutput("stdout", "21")]);
  });

  it("completes in the console", async () => {
    await hit({ program }, { path: program, line: 3 });
    const [top] = (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames;
    const answer = await client.completionsRequest({ frameId: top.id, text: "string.le", column: 10 });
    assert.deepStrictEqual(answer.body.targets.map((target) => target.label), ["len"]);
  });

  it("tells about the error that it has stopped at", async () => {
    await Promise.all([
      client.waitForEvent("initialized").then(async () => {
        await client.setExceptionBreakpointsRequest({ filters: [], filterOptions: [{ filterId: "uncaught", condition: "error:find('end')" }] });
        await client.configurationDoneRequest();
      }),
      client.launch({ program }),
      client.assertStoppedLocation("exception", {}), // in `error` itself, which has no lines
    ]);
    const { body } = await client.exceptionInfoRequest({ threadId: 1 });
    assert.match(body.description, /the end/);
    assert.match(body.details.stackTrace, /program\.lua:6/);
  });

  it("counts hits and writes log points", async () => {
    const loop = written("counted.lua", ["for i = 1, 9 do", "  print(i)", "end"]);
    await Promise.all([
      client.waitForEvent("initialized").then(async () => {
        const breakpoints = [{ line: 2, hitCondition: "5" }, { line: 1, logMessage: "from {1 + 0}" }];
        await client.setBreakpointsRequest({ source: { path: loop }, breakpoints });
        await client.configurationDoneRequest();
      }),
      client.launch({ program: loop }),
      client.assertStoppedLocation("breakpoint", { path: loop, line: 2 }),
    ]);
    const [top] = (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames;
    assert.strictEqual((await client.evaluateRequest({ expression: "i", frameId: top.id })).body.result, "5");
    const places = await client.customRequest("breakpointLocations", { source: { path: loop }, line: 1, endLine: 3 });
    assert.deepStrictEqual([...new Set(places.body.breakpoints.map((place) => place.line))], [1, 2, 3]);
  });

  it("shows the text of a chunk that has no file", async () => {
    const loads = written("loads.lua", ["local f = load('return 1 + ...', '=(made)')", "print(f(2))"]);
    await hit({ program: loads }, { path: loads, line: 2 });
    await Promise.all([client.stepInRequest({ threadId: 1 }), client.waitForEvent("stopped")]);
    const [top] = (await client.stackTraceRequest({ threadId: 1 })).body.stackFrames;
    const { sourceReference } = top.source;
    const text = await client.sourceRequest({ source: top.source, sourceReference });
    assert.strictEqual(text.body.content, "return 1 + ...");
    const loaded = await client.customRequest("loadedSources");
    assert.ok(loaded.body.sources.some((source) => source.path === loads));
  });

  it("restarts", async () => {
    await hit({ program }, { path: program, line: 3 });
    await Promise.all([
      client.customRequest("restart", {}),
      client.assertStoppedLocation("breakpoint", { path: program, line: 3 }),
    ]);
  });

  it("lets the program go on when the client leaves it", async () => {
    const file = path.join(folder, `left over ${transport}`);
    const leaves = written("leaves.lua", ["local a = 1", `io.open("${file}", "w"):close()`]);
    await hit({ program: leaves }, { path: leaves, line: 1 });
    await client.disconnectRequest({ terminateDebuggee: false });
    while (!fs.existsSync(file)) await new Promise(setImmediate);
    client.stopAdapter();
    client = undefined; // it has said goodbye
  });
}

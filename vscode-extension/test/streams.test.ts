import assert from "node:assert/strict";
import { test } from "node:test";
import { encode, LastLines, Reader } from "../src/plain/framing";
import { describe, isConnectionFile, looksSame, readStatus } from "../src/plain/kernels";

test("messages arrive whole however the bytes come", () => {
  const messages = [{ a: "ä€😀" }, { b: 2 }, {}];
  const bytes = Buffer.concat(messages.map(encode));
  for (const size of [1, 3, 7, bytes.length]) {
    const reader = new Reader();
    const found: unknown[] = [];
    for (let n = 0; n < bytes.length; n += size) found.push(...reader.feed(bytes.subarray(n, n + size)));
    assert.deepEqual(found, messages);
  }
});

test("what is no message is an error that shows it", () => {
  assert.throws(
    () => new Reader().feed(Buffer.from("Traceback (most recent call last)\r\n\r\n")),
    /Traceback/,
  );
});

test("the last lines of a log are kept, also those in pieces", () => {
  const log = new LastLines(2);
  for (const piece of ["one\ntw", "o\nthree\nfo", "ur\n"]) log.feed(piece);
  assert.equal(log.toString(), "three\nfour");
});

test("kernels are read from a list or from an object that holds it", () => {
  const kernel = {
    id: "k1",
    pid: 7,
    state: "busy",
    connection_file: "/run/k1.json",
    log_file: "/log",
    cpu: 1.5,
  };
  for (const data of [[kernel], { kernels: [kernel] }]) {
    const [found] = readStatus(JSON.stringify(data));
    assert.ok(found);
    assert.deepEqual(
      [found.id, found.pid, found.state, found.connectionFile, found.logFile],
      ["k1", 7, "busy", "/run/k1.json", "/log"],
    );
    assert.match(describe(found), /\| cpu \| 1\.5 \|/);
  }
  assert.deepEqual(readStatus("[]"), []);
  assert.throws(() => readStatus("3"), /no list of kernels/);
});

test("kernels look the same until one comes, goes or does something else", () => {
  const read = (...all: object[]): ReturnType<typeof readStatus> => readStatus(JSON.stringify(all));
  const before = read({ id: "k1", pid: 7, state: "idle", uptime_seconds: 1 });
  assert.ok(looksSame(before, read({ id: "k1", pid: 7, state: "idle", uptime_seconds: 900 })));
  for (const after of [[], [{ id: "k1", pid: 7, state: "busy" }], [{ id: "k1", pid: 8, state: "idle" }]])
    assert.ok(!looksSame(before, read(...after)));
});

test("files of kernels are told from others in their folder", () => {
  assert.ok(isConnectionFile("kernel-night.json"));
  for (const other of ["nbserver-1.json", "kernel-night.json.tmp", ".kernel-x.json"])
    assert.ok(!isConnectionFile(other));
});

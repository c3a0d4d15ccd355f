"""The floor: an adapter that answers every request with a canned answer. Stdio, or TCP with a port."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

FRAME = {"id": 1, "name": "f", "line": 1, "column": 1, "source": {"path": "/tmp/x.lua"}}
VARIABLES = [{"name": f"v{n}", "value": str(n), "type": "number", "variablesReference": 0} for n in range(5)]
BODIES: dict[str, Any] = {
    "threads": {"threads": [{"id": 1, "name": "main"}]},
    "stackTrace": {"stackFrames": [FRAME], "totalFrames": 1},
    "scopes": {"scopes": [{"name": "Locals", "variablesReference": 1, "expensive": False}]},
    "variables": {"variables": VARIABLES},
}
STOPS = ("next", "configurationDone")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            header = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        message = json.loads(await reader.readexactly(int(header.split(b":")[1])))
        command = message["command"]
        answer = {
            "seq": 0,
            "type": "response",
            "request_seq": message["seq"],
            "success": True,
            "command": command,
        }
        if command in BODIES:
            answer["body"] = BODIES[command]
        send(writer, answer)
        if command == "initialize":
            send(writer, {"seq": 0, "type": "event", "event": "initialized"})
        if command in STOPS:
            stopped = {"reason": "step", "threadId": 1, "allThreadsStopped": True}
            send(writer, {"seq": 0, "type": "event", "event": "stopped", "body": stopped})


def send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


async def main() -> None:
    if len(sys.argv) > 1:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        print(f"listening on 127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    await serve(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


asyncio.run(main())

"""The floor of a kernel: plain pyzmq that signs and checks as a kernel does, and sends as many messages.

Shell and control sockets in threads that block. Writes its connection file to the path that it is given.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import threading
from typing import Any

import zmq

KEY = os.urandom(32).hex()
signer = hmac.new(KEY.encode(), digestmod=hashlib.sha256)
lock = threading.Lock()
count = 0


def sign(parts: list[bytes]) -> bytes:
    copy = signer.copy()
    for part in parts:
        copy.update(part)
    return copy.hexdigest().encode()


def frames(identities: list[bytes], kind: str, parent: dict[str, Any], content: dict[str, Any]) -> list[bytes]:
    global count
    count += 1
    header = {"msg_id": str(count), "session": "s", "username": "echo", "date": "", "msg_type": kind, "version": "5.4"}
    parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
    return [*identities, b"<IDS|MSG>", sign(parts), *parts]


def printed(code: str) -> str:
    """A number asks for as many characters."""
    return "1" * int(code) if code.isdigit() else "1"


def serve(socket: zmq.Socket[bytes], iopub: zmq.Socket[bytes]) -> None:
    while True:
        message = socket.recv_multipart()
        at = message.index(b"<IDS|MSG>")
        assert hmac.compare_digest(message[at + 1], sign(message[at + 2 : at + 6]))
        header = json.loads(message[at + 2])
        content = json.loads(message[at + 5])
        kind = header["msg_type"]
        out = [("status", {"execution_state": "busy"})]
        if kind == "execute_request":
            out.append(("execute_input", {"code": content["code"], "execution_count": 1}))
            out.append(
                (
                    "execute_result",
                    {"data": {"text/plain": printed(content["code"])}, "metadata": {}, "execution_count": 1},
                )
            )
        with lock:
            for name, body in out:
                iopub.send_multipart(frames([name.encode()], name, header, body))
        reply = {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
        socket.send_multipart(frames(message[:at], kind.replace("request", "reply"), header, reply))
        with lock:
            iopub.send_multipart(frames([b"status"], "status", header, {"execution_state": "idle"}))


def main() -> None:
    context = zmq.Context()
    sockets = {name: context.socket(zmq.ROUTER) for name in ("shell", "control", "stdin", "hb")}
    sockets["iopub"] = context.socket(zmq.PUB)
    ports = {f"{name}_port": one.bind_to_random_port("tcp://127.0.0.1") for name, one in sockets.items()}
    info = {**ports, "ip": "127.0.0.1", "transport": "tcp", "key": KEY, "signature_scheme": "hmac-sha256"}
    with open(sys.argv[1] + ".new", "w") as file:
        json.dump(info, file)
    os.replace(sys.argv[1] + ".new", sys.argv[1])
    threading.Thread(target=serve, args=(sockets["control"], sockets["iopub"]), daemon=True).start()
    serve(sockets["shell"], sockets["iopub"])


if __name__ == "__main__":
    main()

"""A notebook's view of a kernel process: cells go in, what happened comes out. Over jupyter-client's real sockets."""

from __future__ import annotations

from typing import Any, NamedTuple

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

SECONDS = 50  # after which a kernel that does not answer is broken


class Run(NamedTuple):
    reply: dict[str, Any]
    messages: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one["content"] for one in self.messages if one["msg_type"] == kind]

    @property
    def output(self) -> str:
        return "".join(one["text"] for one in self.of("stream"))

    @property
    def result(self) -> str | None:
        return next((one["data"]["text/plain"] for one in self.of("execute_result")), None)


class Notebook:
    def __init__(self, **options: Any) -> None:
        self.manager = KernelManager(kernel_name="llmspell")
        self.manager.start_kernel(**options)
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(SECONDS)

    def new_client(self) -> BlockingKernelClient:
        """Another one, with a name of its own: clients of one manager have the same."""
        client = BlockingKernelClient()
        client.load_connection_info(self.manager.get_connection_info())
        client.start_channels()
        return client

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.process.pid)

    def send(self, kind: str, content: dict[str, Any], channel: str = "shell") -> str:
        message = self.client.session.msg(kind, content)
        getattr(self.client, f"{channel}_channel").send(message)
        return str(message["header"]["msg_id"])

    def answer(self, id: str, channel: str = "shell") -> dict[str, Any]:
        """The reply to a request; those to others that have come before are dropped."""
        while True:
            message = getattr(self.client, f"get_{channel}_msg")(timeout=SECONDS)
            if message["parent_header"].get("msg_id") == id:
                return dict(message["content"])

    def ask(self, kind: str, content: dict[str, Any], channel: str = "shell") -> dict[str, Any]:
        return self.answer(self.send(kind, content, channel), channel)

    def begin(self, code: str, **more: Any) -> str:
        return self.send("execute_request", {"code": code, "allow_stdin": True, **more})

    def end(self, id: str) -> Run:
        """Wait until a cell has been run."""
        messages = self.until(id, "status", execution_state="idle")
        return Run(self.answer(id), messages)

    def until(self, id: str, kind: str, **content: Any) -> list[dict[str, Any]]:
        """What was broadcast for a request, to the first message of this kind and content."""
        found = []
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != id:
                continue
            found.append(message)
            if message["msg_type"] == kind and content.items() <= message["content"].items():
                return found

    def run(self, code: str, **more: Any) -> Run:
        return self.end(self.begin(code, **more))

    def input_request(self) -> dict[str, Any]:
        return dict(self.client.get_stdin_msg(timeout=SECONDS)["content"])

    def settle(self) -> None:
        assert self.run("").reply["status"] == "ok"
        while self.client.stdin_channel.msg_ready():  # nobody has looked at it
            self.client.get_stdin_msg(timeout=SECONDS)

    def close(self) -> None:
        self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel(now=False)
        self.manager.cleanup_resources()

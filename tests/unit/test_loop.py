"""Whoever has time calls what was given: one at a time, in order, nothing lost."""

from __future__ import annotations

import threading

import pytest

from llmspell_dap.transports.streams import Loop


def test_a_call_is_done_at_once_when_nobody_is_at_work() -> None:
    loop, done = Loop(), []
    loop.call_soon(done.append, 1)
    assert done == [1]


def test_what_a_call_gives_comes_after_it() -> None:
    loop, done = Loop(), []

    def first() -> None:
        loop.call_soon(done.append, "second")
        done.append("first")

    loop.call_soon(first)
    assert done == ["first", "second"]


def test_many_threads_never_meet_in_it_and_each_keeps_its_order() -> None:
    loop, done, inside = Loop(), [], threading.Lock()

    def call(thread: int, n: int) -> None:
        assert inside.acquire(blocking=False), "two calls at a time"
        done.append((thread, n))
        inside.release()

    def give(thread: int) -> None:
        for n in range(500):
            loop.call_soon(call, thread, n)

    threads = [threading.Thread(target=give, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loop.stop()
    assert loop.wait(10)
    assert len(done) == 2000
    for number in range(4):
        assert [n for thread, n in done if thread == number] == list(range(500))


def test_a_bug_in_a_call_is_logged_and_the_next_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    loop, done = Loop(), []
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(done.append, "next")
    assert done == ["next"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_after_stop_nothing_is_called() -> None:
    loop, done = Loop(), []
    loop.stop()
    loop.call_soon(done.append, "late")
    assert loop.wait(0)
    assert done == []

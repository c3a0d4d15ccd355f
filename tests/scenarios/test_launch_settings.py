"""What a launch configuration says of paths and errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmspell_dap.context import Client as Seen
from llmspell_dap.context import Mapping
from tests.support.client import Refused
from tests.support.editor import Editor

CAUGHT = """\
pcall(error, "caught") -- @raised
print("after") -- @after
"""


def test_files_of_another_machine_are_found_by_their_mapping(editor: Editor) -> None:
    """The editor has the sources in one folder, the program runs from another."""
    here, there = editor.folder / "local", editor.folder / "remote"
    editor.write("print(1)\nreturn 2\n", "remote/part.lua")
    editor.write("print(1)\nreturn 2\n", "local/part.lua")
    text = f'package.path = "{there}/?.lua"\nrequire("part")\nprint("end") -- @end\n'
    main = editor.write(text, "remote/main.lua")
    editor.initialize()
    mappings = [{"localRoot": str(here), "remoteRoot": str(there)}]
    launch = editor.client.send("launch", {"program": str(main), "pathMappings": mappings})
    editor.break_at(2, path=here / "part.lua")
    editor.client.request("configurationDone")
    editor.client.response(launch)
    assert editor.stopped() == "breakpoint"
    assert editor.top()["source"]["path"] == str(here / "part.lua")
    assert editor.frames()[-1]["source"]["path"] == str(here / "main.lua")
    editor.go()
    assert editor.ended() == 0


@pytest.mark.parametrize(
    ("local", "remote", "near", "far"),
    [
        ("/ws", "/app", "/ws/a/b.lua", "/app/a/b.lua"),
        ("/ws/", "/app/", "/ws/a.lua", "/app/a.lua"),
        ("/ws", "/", "/ws/a.lua", "/a.lua"),
        ("C:\\ws", "/app", "C:\\ws\\a\\b.lua", "/app/a/b.lua"),
        ("/ws", "D:\\app", "/ws/a/b.lua", "D:\\app\\a\\b.lua"),
    ],
)
def test_mappings_go_both_ways(local: str, remote: str, near: str, far: str) -> None:
    seen = Seen(mappings=(Mapping(local, remote),))
    assert (seen.path_in(near), seen.path_out(far)) == (far, near)


def test_a_folder_whose_name_only_begins_alike_is_another() -> None:
    seen = Seen(mappings=(Mapping("/ws", "/app"),))
    assert seen.path_in("/wsx/a.lua") == "/wsx/a.lua"


def test_the_first_mapping_that_fits_counts() -> None:
    seen = Seen(mappings=(Mapping("/ws/lib", "/usr/lib"), Mapping("/ws", "/app")))
    assert [seen.path_in("/ws/lib/a.lua"), seen.path_in("/ws/a.lua")] == ["/usr/lib/a.lua", "/app/a.lua"]


def test_a_mapping_without_a_side_is_refused(editor: Editor) -> None:
    editor.initialize()
    with pytest.raises(Refused, match="`remoteRoot` is missing"):
        editor.client.request("launch", {"program": "x.lua", "pathMappings": [{"localRoot": "/ws"}]})


@pytest.mark.parametrize("filters", [None, [], ["uncaught"]])
def test_errors_that_the_configuration_names_stop_besides_the_ticked(editor: Editor, filters: list[str] | None) -> None:
    editor.launch(CAUGHT, filters=filters, exceptions=["raised"])
    assert editor.stopped() == "exception"
    assert editor.at("raised")
    editor.go()
    assert editor.ended() == 0


def test_a_condition_that_is_ticked_counts_more_than_the_configuration(editor: Editor) -> None:
    editor.path = editor.write(CAUGHT)
    editor.initialize()
    launch = editor.client.send("launch", {"program": str(editor.path), "exceptions": ["raised"]})
    options = [{"filterId": "raised", "condition": 'error == "another"'}]
    answer = editor.client.request("setExceptionBreakpoints", {"filters": [], "filterOptions": options})
    assert len(answer["breakpoints"]) == 1
    editor.client.request("configurationDone")
    editor.client.response(launch)
    assert editor.ended() == 0


def test_an_error_that_does_not_exist_is_refused(editor: Editor) -> None:
    editor.initialize()
    with pytest.raises(Refused, match="unknown exception filter 'thrown'"):
        editor.client.request("launch", {"program": str(Path("x.lua")), "exceptions": ["thrown"]})

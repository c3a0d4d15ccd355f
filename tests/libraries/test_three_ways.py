"""Programs over Debian's Lua libraries behave the same undebugged, with a probe at every place of every file, and
with the hook: what they print, how they end, and the tracebacks of their errors, byte for byte.

`make test-libraries` runs them. The libraries' own tests come with `make library-tests`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.libraries.three_ways import Program, Where, debugged, plainly
from tests.support.client import Message

PROGRAMS = Path(__file__).parent / "programs"
EXAMPLES = Path(__file__).parents[2] / "examples"
OWN_TESTS = Path(__file__).parents[2] / ".library-tests"
SHARE = Path("/usr/share/lua")
DOC = Path("/usr/share/doc")
NEEDED = [SHARE / path for path in ("5.4/pl", "5.4/re.lua", "5.4/busted", "5.4/dkjson.lua", "5.4/cliargs.lua", "5.3/json",
                                    "5.3/inspect.lua", "5.1/luacheck")]  # fmt: skip
WAYS: dict[str, tuple[str, Where, Message]] = {  # the tier, where breakpoints stand, what they ask; none ever holds
    "plain probes": ("probe", "places", {"hitCondition": "> 1000000000"}),
    "inline probes": ("probe", "places", {"condition": "1 == 2"}),
    "guarded probes": ("probe", "places", {"condition": "type(nil) == 'string'"}),
    "hook": ("hook", "lines", {"hitCondition": "> 1000000000"}),
    "probes and hook": ("probe", "lines", {"hitCondition": "> 1000000000"}),
}
pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not all(path.exists() for path in NEEDED) and "CI" not in os.environ,
        reason="apt-get install lua-penlight lua-lpeg lua-busted lua-json lua-inspect lua-check",
    ),
]


def files(*patterns: str) -> tuple[Path, ...]:
    return tuple(sorted(path for pattern in patterns for path in SHARE.glob(pattern)))


PENLIGHT = files("5.4/pl/*.lua")
BUSTED = files("5.4/busted*/**/*.lua", "5.4/busted.lua", "5.4/luassert/**/*.lua", "5.4/say/*.lua", "5.4/mediator.lua")
LUACHECK = files("5.1/luacheck/**/*.lua")
JSON = files("5.3/json.lua", "5.3/json/**/*.lua", "5.4/dkjson.lua")
CLIARGS = files("5.4/cliargs.lua", "5.4/cliargs/**/*.lua")
CHECK = ("--no-cache", "--no-config", "--no-color", "--codes", "--std", "lua54")


def program(name: str, *args: str, code: int = 0, old: str = "", loads: tuple[Path, ...] = ()) -> Program:
    """One of ours. ``old``: the version of Lua for which Debian installs the library, if it is pure."""
    lua_path = (str(SHARE / old),) if old else ()
    return Program(PROGRAMS / name, args, lua_path, PROGRAMS, (PROGRAMS / "show.lua", *loads), code)


def own_tests(name: str, *more: Path) -> Program:
    """The specs of a library, from the sources of its package."""
    folder = OWN_TESTS / name
    paths = (str(folder), str(folder / "src"))
    loads = tuple(sorted([*folder.glob("*.lua"), *folder.glob("s*/**/*.lua")]))
    return Program(PROGRAMS / "specs.lua", ("-o", "TAP", "spec"), paths, folder, (*loads, *more))


LIBRARIES = {
    "penlight's tables": program("penlight_tables.lua", loads=PENLIGHT),
    "penlight's texts": program("penlight_texts.lua", loads=PENLIGHT, code=1),
    "json": program("json_texts.lua", old="5.3", loads=JSON, code=1),
    "re": program("re_grammars.lua", loads=files("5.4/re.lua"), code=1),
    "inspect": program("inspected.lua", old="5.3", loads=files("5.3/inspect.lua"), code=1),
    "luacheck": program(
        "checked.lua", *CHECK, "show.lua", "re_grammars.lua", "arithmetic_spec.lua", str(SHARE / "5.1/luacheck/fs.lua"),
        old="5.1", loads=LUACHECK, code=1,
    ),
    "busted": program(
        "specs.lua", "-o", "TAP", "arithmetic_spec.lua", loads=(PROGRAMS / "arithmetic_spec.lua", *BUSTED), code=1
    ),
    "dkjson's own test": Program(DOC / "lua-dkjson/examples/jsontest.lua", files=files("5.4/dkjson.lua")),
}  # fmt: skip
SMALL = {
    "re": LIBRARIES["re"],
    "inspect": LIBRARIES["inspect"],
    "cliargs' general example": Program(DOC / "lua-cliargs/examples/00_general.lua", ("-x",), files=CLIARGS, code=1),
    "cliargs' options example": Program(
        DOC / "lua-cliargs/examples/01_multiple_options.lua", ("-i", "http://a", "-i", "http://b"), files=CLIARGS
    ),
    "cliargs' callbacks example": Program(DOC / "lua-cliargs/examples/02_parse_callbacks.lua", files=CLIARGS),
    **{f"examples/{path.name}": Program(path, cwd=path.parent) for path in sorted(EXAMPLES.glob("*.lua"))},
    "examples/ledger": Program(
        EXAMPLES / "ledger/main.lua", cwd=EXAMPLES / "ledger", files=tuple((EXAMPLES / "ledger/lib").glob("*.lua"))
    ),
}
OWN = {
    "argparse": own_tests("argparse"),
    "inspect": own_tests("inspect"),
    "luassert": own_tests("luassert", *files("5.4/say/*.lua")),
    "say": own_tests("say"),
    "mediator": own_tests("mediator"),
    "lpeg": Program(OWN_TESTS / "lpeg/test.lua", cwd=OWN_TESTS / "lpeg", files=files("5.4/re.lua")),
    "penlight": own_tests("penlight"),
    "busted": own_tests("busted"),
    "luacheck": own_tests("luacheck"),
}


def same(program: Program, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tier, where, asked = WAYS[way]
    plain = plainly(program)
    assert plain.code == program.code, plain
    monkeypatch.setenv("LLMSPELL_TIER", tier)
    assert debugged(program, asked, where) == plain


@pytest.mark.parametrize("way", ["plain probes", "guarded probes", "hook"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_behaves_the_same(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "dkjson's own test" and way in ("guarded probes", "hook"):
        pytest.skip("millions of characters: minutes")
    same(LIBRARIES[name], way, monkeypatch)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SMALL)
def test_a_program_behaves_the_same(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    same(SMALL[name], way, monkeypatch)


@pytest.mark.parametrize("way", ["plain probes", "hook"])
@pytest.mark.parametrize("name", OWN)
def test_the_own_tests_of_a_library_end_the_same(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not OWN[name].cwd.is_dir():
        pytest.skip("make library-tests has not found them")
    same(OWN[name], way, monkeypatch)

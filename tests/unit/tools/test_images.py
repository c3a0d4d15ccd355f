"""image-processor with images that Pillow makes, and broken ones."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.image_processor import KINDS, MAX_PIXELS, image_processor
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.media import Converter

media = Converter("image-processor")
do, refused = media.do, media.refused


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """Red above blue, on the left of nothing: 40 × 20, the right half transparent."""
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste("red", (0, 0, 20, 10))
    image.paste("blue", (0, 10, 20, 20))
    image.save(tmp_path / "flag.png")
    return tmp_path / "flag.png"


def pixel(path: Path, x: int, y: int) -> Any:
    with Image.open(path) as image:
        return image.convert("RGBA").getpixel((x, y))


RED, BLUE, WHITE = (255, 0, 0, 255), (0, 0, 255, 255), (255, 255, 255, 255)


def near(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(given, wanted, strict=True))


def test_what_it_is(tools: Tools, flag: Path) -> None:
    given = do(tools, "metadata", flag)
    assert given == {
        "format": "png", "mime": "image/png", "width": 40, "height": 20, "mode": "RGBA", "has_alpha": True, "frames": 1,
    }  # fmt: skip
    assert do(tools, "detect", flag) == {"format": "png", "mime": "image/png"}
    lying = flag.with_suffix(".jpg")
    os.rename(flag, lying)
    assert do(tools, "detect", lying)["format"] == "png"


def test_what_the_camera_noted(tools: Tools, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Leica"
    exif[0x0112] = 6
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (0, 0, 20, 20))
    image.save(tmp_path / "photo.jpg", exif=exif, dpi=(72, 72))
    given = do(tools, "metadata", tmp_path / "photo.jpg")
    assert (given["exif"]["Make"], given["exif"]["Orientation"], given["dpi"]) == ("Leica", 6, [72, 72])
    made = do(tools, "resize", tmp_path / "photo.jpg", tmp_path / "up.png", height=20)
    assert (made["width"], made["height"]) == (10, 20)
    assert near(pixel(tmp_path / "up.png", 5, 2), BLUE) and near(pixel(tmp_path / "up.png", 5, 17), RED)


@pytest.mark.parametrize("format", sorted(KINDS))
def test_every_format(tools: Tools, flag: Path, format: str) -> None:
    target = flag.with_suffix(f".new.{format}")
    assert do(tools, "convert", flag, target)["size"] == target.stat().st_size
    assert do(tools, "detect", target)["format"] == format
    assert near(pixel(target, 5, 3), RED) and near(pixel(target, 5, 16), BLUE)
    back = do(tools, "convert", target, flag.with_suffix(".back"), format="png")
    assert back["format"] == "png"


def test_what_is_behind_a_transparent_image(tools: Tools, flag: Path) -> None:
    target = flag.with_suffix(".jpg")
    do(tools, "convert", flag, target)
    assert near(pixel(target, 35, 10), WHITE)
    do(tools, "convert", flag, target, background="#0000ff")
    assert near(pixel(target, 35, 10), BLUE)
    assert "colour" in str(refused(tools, "convert", flag, target, background="nothing"))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "I", "F", "RGB", "RGBA", "CMYK"])
def test_every_mode_becomes_every_format(tools: Tools, tmp_path: Path, mode: str) -> None:
    source = tmp_path / "it.tiff"
    Image.new(mode, (8, 8), 1).save(source)
    for format in KINDS:
        assert do(tools, "resize", source, tmp_path / "new", format=format, width=4)["width"] == 4


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"width": 20}, (20, 10)),
        ({"height": 40}, (80, 40)),
        ({"width": 10, "height": 100}, (10, 5)),
        ({"width": 10, "height": 100, "keep_aspect": False}, (10, 100)),
        ({"width": 1}, (1, 1)),
    ],
)
def test_sizes(tools: Tools, flag: Path, asked: dict[str, Any], size: tuple[int, int]) -> None:
    made = do(tools, "resize", flag, flag.with_name("new.png"), **asked)
    assert (made["width"], made["height"]) == size
    with Image.open(flag.with_name("new.png")) as image:
        assert image.size == size


def test_thumbnails_only_get_smaller(tools: Tools, flag: Path) -> None:
    target = flag.with_name("thumb.webp")
    assert do(tools, "thumbnail", flag, target)["width"] == 40
    made = do(tools, "thumbnail", flag, target, width=10, height=10)
    assert (made["width"], made["height"], made["format"]) == (10, 5, "webp")


def test_a_part(tools: Tools, flag: Path) -> None:
    target = flag.with_name("part.png")
    assert do(tools, "crop", flag, target, x=0, y=10, width=20, height=10)["height"] == 10
    assert pixel(target, 0, 0) == BLUE
    assert do(tools, "crop", flag, target, x=30)["width"] == 10
    assert "40 × 20" in str(refused(tools, "crop", flag, target, x=30, width=20))
    assert refused(tools, "crop", flag, target, x=-1).code == "invalid_parameters"


def test_turned_clockwise(tools: Tools, flag: Path) -> None:
    target = flag.with_name("turned.png")
    made = do(tools, "rotate", flag, target, angle=90)
    assert (made["width"], made["height"]) == (20, 40)
    assert pixel(target, 15, 5) == RED and pixel(target, 5, 5) == BLUE
    turned = do(tools, "rotate", flag, target, angle=45)
    assert turned["width"] > 40 and pixel(target, 0, 0)[3] == 0


def test_the_parameters_by_their_other_names(tools: Tools, flag: Path) -> None:
    new = flag.with_name("new")
    assert do(tools, "convert", flag, new, target_format="webp")["format"] == "webp"
    made = do(tools, "thumbnail", flag, flag.with_name("a.png"), max_width=10, max_height=50)
    assert (made["width"], made["height"]) == (10, 5)
    made = do(tools, "rotate", flag, flag.with_name("b.png"), degrees=180)
    assert (made["width"], made["height"]) == (40, 20)
    made = do(tools, "rotate", flag, flag.with_name("c.png"))
    assert (made["width"], made["height"]) == (20, 40)


def test_what_moves_still_moves(tools: Tools, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "lime", "blue")]
    frames[0].save(tmp_path / "it.gif", save_all=True, append_images=frames[1:], duration=[70, 50, 90], loop=0)
    assert do(tools, "metadata", tmp_path / "it.gif")["frames"] == 3
    assert do(tools, "resize", tmp_path / "it.gif", tmp_path / "it.webp", width=10)["frames"] == 3
    with Image.open(tmp_path / "it.webp") as image:
        assert (image.n_frames, image.size) == (3, (10, 10))
        times = []
        for n in range(3):
            image.seek(n)
            image.load()
            times.append(image.info["duration"])
        assert times == [70, 50, 90]
    assert do(tools, "convert", tmp_path / "it.gif", tmp_path / "still.jpg")["frames"] == 1


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG of a few bytes that says it is enormous."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [9_000, 12_000, 100_000])
def test_a_small_file_of_an_enormous_image(tools: Tools, tmp_path: Path, side: int) -> None:
    source = bomb(tmp_path / "bomb.png", side, side)
    for operation in ("metadata", "thumbnail"):
        assert f"more than {MAX_PIXELS} pixels" in str(refused(tools, operation, source, tmp_path / "x.png"))


def test_a_new_image_that_is_too_large(tools: Tools, flag: Path) -> None:
    for asked in ({"width": 30000}, {"width": 29000, "height": 29000, "keep_aspect": False}):
        assert f"more than {MAX_PIXELS} pixels" in str(refused(tools, "resize", flag, flag.with_name("x.png"), **asked))
    assert refused(tools, "resize", flag, flag.with_name("x.png"), width=99999).code == "invalid_parameters"


@pytest.mark.parametrize(
    ("operation", "asked", "words"),
    [
        ("resize", {}, "`width` or `height`"),
        ("rotate", {"angle": 1e9}, "`angle`"),
        ("convert", {"target_path": "/etc/x.png"}, "outside of the allowed"),
        ("convert", {"target_path": None}, "`target_path`"),
        ("convert", {"format": "gif", "quality": 5}, "quality"),
        ("resize", {"width": 0}, "from 1 to"),
    ],
)
def test_what_can_not_be_done(tools: Tools, flag: Path, operation: str, asked: dict[str, Any], words: str) -> None:
    parameters = {"target_path": str(flag.with_name("new.png")), **asked}
    assert words in str(refused(tools, operation, flag, **parameters))
    assert not flag.with_name("new.png").exists()


def test_no_image_takes_the_place_of_settings_or_a_folder(tools: Tools, flag: Path) -> None:
    settings = flag.with_name("llmspell.toml")
    assert refused(tools, "convert", flag, settings, format="png").code == "not_allowed"
    assert "folder" in str(refused(tools, "convert", flag, flag.parent, format="png"))
    assert os.listdir(flag.parent) == ["flag.png"]


def test_files_that_are_no_images(tools: Tools, flag: Path) -> None:
    text = flag.with_name("text.png")
    text.write_text("hello")
    assert "no image of png" in str(refused(tools, "metadata", text))
    text.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "no image of png" in str(refused(tools, "convert", text, flag.with_name("x.png")))
    text.write_bytes(flag.read_bytes()[:60])
    assert "broken image" in str(refused(tools, "convert", text, flag.with_name("x.png")))
    assert "no such file" in str(refused(tools, "metadata", flag.with_name("none.png")))
    assert "names no format" in str(refused(tools, "convert", flag, flag.with_name("x.xyz")))
    assert sorted(os.listdir(flag.parent)) == ["flag.png", "text.png"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["PNG", "GIF", "JPEG", "WEBP", "TIFF", "BMP"]),
    st.integers(0, 2000),
    st.binary(min_size=1, max_size=9),
)
def test_whatever_is_in_a_file_the_answer_is_a_result_or_a_tool_error(
    flag: Path, format: str, at: int, junk: bytes
) -> None:
    source = flag.with_name("junk")
    with Image.open(flag) as image:
        image.convert("RGB").save(source, format)
    data = source.read_bytes()
    at %= len(data)
    source.write_bytes(data[:at] + junk + data[at + len(junk) :])
    call = Call(Policy((str(flag.parent),)))
    for operation in ("metadata", "rotate"):
        try:
            assert image_processor(call, str(source), operation, str(source) + ".png", angle=90.0).text  # type: ignore[arg-type]
        except ToolError as error:
            assert str(error)

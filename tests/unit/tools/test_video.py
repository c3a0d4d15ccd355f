"""video-processor with videos that PyAV makes; the new files are read by PyAV again."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.video_processor import FORMATS, video_processor
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.media import Converter

COLORS = ["red", "lime", "blue"]  # a second each


media = Converter("video-processor")
do, refused = media.do, media.refused


def film(path: Path, size: tuple[int, int] = (96, 64), rate: int = 10, sound: bool = True, rotation: int = 0) -> Path:
    """Three seconds in three colours, with a dark upper half; and silence."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        if rotation:
            video.set_display_rotation(rotation)
        voice = container.add_stream("aac", rate=44100) if sound else None
        for n in range(3 * rate):
            image = Image.new("RGB", size, COLORS[n // rate])
            image.paste("black", (0, 0, size[0], size[1] // 2))
            container.mux(video.encode(av.VideoFrame.from_image(image)))
        container.mux(video.encode(None))
        if voice is not None:
            for n in range(129):
                frame = av.AudioFrame(format="s16", layout="stereo", samples=1024)
                for plane in frame.planes:
                    plane.update(bytes(plane.buffer_size))
                frame.sample_rate, frame.pts, frame.time_base = 44100, n * 1024, Fraction(1, 44100)
                container.mux(voice.encode(frame))
            container.mux(voice.encode(None))
    return path


def color(path: Path, where: tuple[float, float] = (0.5, 0.9)) -> str:
    """Which one it is, there."""
    with Image.open(path) as image:
        red, green, blue = image.convert("RGB").getpixel((int(image.width * where[0]), int(image.height * where[1])))
    brightest = max(red, green, blue)
    return "black" if brightest < 60 else COLORS[(red, green, blue).index(brightest)]


def seen(path: Path) -> list[str]:
    """The colours, in order, of every fifth picture."""
    found = []
    with av.open(str(path)) as container:
        for n, frame in enumerate(container.decode(video=0)):
            if n % 5 == 2:
                frame.to_image().save(path.with_suffix(".look.png"))
                found.append(color(path.with_suffix(".look.png")))
    return found


def test_what_it_is(tools: Tools, tmp_path: Path) -> None:
    given = do(tools, "metadata", film(tmp_path / "a.mp4"))
    audio = given.pop("audio")
    assert (audio["codec"], audio["sample_rate"], audio["layout"]) == ("aac", 44100, "stereo")
    assert (given["format"], given["codec"], given["width"], given["height"]) == ("mp4", "h264", 96, 64)
    assert (given["fps"], given["frames"], round(given["duration"])) == (10, 30, 3)
    assert do(tools, "detect", tmp_path / "a.mp4") == {"format": "mp4", "codec": "h264"}
    assert "audio" not in do(tools, "metadata", film(tmp_path / "b.mkv", sound=False))


@pytest.mark.parametrize(("at", "start", "wanted"), [(None, 0, "red"), (0.95, 0.9, "red"), (1.0, 1.0, "lime"), (2.5, 2.5, "blue"), (2.99, 2.9, "blue")])  # fmt: skip
@pytest.mark.parametrize("format", ["mp4", "mkv", "ts"])
def test_a_picture_at_a_time(
    tools: Tools, tmp_path: Path, at: float | None, start: float, wanted: str, format: str
) -> None:
    source = film(tmp_path / f"a.{format}", sound=False)
    given = do(tools, "extract_frame", source, tmp_path / "a.png", timestamp_seconds=at)
    assert (given["timestamp"], given["width"], given["height"]) == (pytest.approx(start, abs=0.002), 96, 64)
    assert color(tmp_path / "a.png") == wanted
    assert color(tmp_path / "a.png", (0.5, 0.1)) == "black"


def test_a_thumbnail_fits(tools: Tools, tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4")
    assert do(tools, "thumbnail", source, tmp_path / "a.jpg")["width"] == 96
    given = do(tools, "thumbnail", source, tmp_path / "a.webp", width=30, height=30, timestamp=1.5)
    assert (given["width"], given["height"]) == (30, 20)
    assert color(tmp_path / "a.webp") == "lime"


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_every_format_shows_and_sounds_the_same(tools: Tools, tmp_path: Path, format: str) -> None:
    target = tmp_path / f"new.{format}"
    made = do(tools, "convert", film(tmp_path / "a.mp4"), target)
    assert (made["frames"], made["width"], made["height"]) == (30, 96, 64)
    assert seen(target) == ["red"] * 2 + ["lime"] * 2 + ["blue"] * 2
    known = do(tools, "metadata", target)
    assert abs(known["duration"] - 3) < 0.2
    assert known["audio"]["channels"] == 2
    with av.open(str(target)) as container:
        samples = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
        assert abs(samples - 3) < 0.2


@pytest.mark.parametrize(
    ("asked", "size"), [({"width": 48}, (48, 32)), ({"height": 33}, (50, 32)), ({"width": 51, "height": 99}, (50, 98))]
)
def test_sizes(tools: Tools, tmp_path: Path, asked: dict[str, Any], size: tuple[int, int]) -> None:
    made = do(tools, "resize", film(tmp_path / "a.mp4", sound=False), tmp_path / "b.mp4", **asked)
    known = do(tools, "metadata", tmp_path / "b.mp4")
    assert (made["width"], made["height"]) == (known["width"], known["height"]) == size
    assert seen(tmp_path / "b.mp4")[0] == "red"


@pytest.mark.skipif(not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV writes no rotation")
def test_a_film_of_a_phone_held_upright(tools: Tools, tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", sound=True, rotation=90)
    upright = do(tools, "extract_frame", source, tmp_path / "a.png")
    assert (upright["width"], upright["height"]) == (64, 96)
    do(tools, "convert", source, tmp_path / "b.mp4")
    again = do(tools, "extract_frame", tmp_path / "b.mp4", tmp_path / "b.png")
    assert (again["width"], again["height"]) == (64, 96)
    sides = [(0.1, 0.5), (0.9, 0.5)]
    assert [color(tmp_path / "a.png", one) for one in sides] == [color(tmp_path / "b.png", one) for one in sides]


@pytest.mark.parametrize(
    ("operation", "asked", "words"),
    [
        ("extract_frame", {"timestamp": 99}, "no picture at 99 s"),
        ("extract_frame", {"timestamp": -1}, "at least 0"),
        ("extract_frame", {"target_path": "x.mp4"}, "names no picture"),
        ("resize", {}, "`width` or `height`"),
        ("resize", {"width": 100_000}, "from 2 to"),
        ("convert", {"format": "png"}, "names no video"),
        ("convert", {"target_path": None}, "`target_path`"),
        ("convert", {"target_path": "/etc/x.mp4"}, "outside of the allowed"),
    ],
)
def test_what_can_not_be_done(tools: Tools, tmp_path: Path, operation: str, asked: dict[str, Any], words: str) -> None:
    source = film(tmp_path / "a.mp4", sound=False)
    target = str(tmp_path / ("b.png" if operation == "extract_frame" else "b.mp4"))
    assert words in str(refused(tools, operation, source, **{"target_path": target, **asked}))
    assert os.listdir(tmp_path) == ["a.mp4"]


def test_files_that_are_no_video(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    assert "no audio or video" in str(refused(tools, "metadata", tmp_path / "text.mp4"))
    film(tmp_path / "a.mp4")
    (tmp_path / "half.mp4").write_bytes((tmp_path / "a.mp4").read_bytes()[:2000])
    assert "no audio or video" in str(refused(tools, "metadata", tmp_path / "half.mp4"))
    with av.open(str(tmp_path / "a.mp4")) as old, av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    assert "has no video" in str(refused(tools, "metadata", tmp_path / "sound.m4a"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["mp4", "mkv", "avi"]), st.integers(0, 9000), st.binary(min_size=1, max_size=9))
@example("mkv", 514, b"\0")  # a sound of no channels
def test_whatever_is_in_a_file_the_answer_is_a_result_or_a_tool_error(
    tmp_path: Path, format: str, at: int, junk: bytes
) -> None:
    source = tmp_path / f"a.{format}"
    if not source.exists():
        film(source, (32, 32))
    data = source.read_bytes()
    at %= len(data)
    broken = tmp_path / "broken"
    broken.write_bytes(data[:at] + junk + data[at + len(junk) :])
    call = Call(Policy((str(tmp_path),)))
    for operation, target in (("metadata", ""), ("thumbnail", "x.png"), ("convert", "x.mp4")):
        try:
            assert video_processor(call, str(broken), operation, str(tmp_path / target)).text  # type: ignore[arg-type]
        except ToolError as error:
            assert str(error)

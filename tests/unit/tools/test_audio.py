"""audio-processor with sounds that `wave` makes; the new files are read by PyAV again."""

from __future__ import annotations

import math
import os
import wave
from array import array
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.builtin.audio_processor import FORMATS, audio_processor
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.registry import Tools
from llmspell_kernel.tools.sandbox.policy import Policy
from tests.support.media import Converter

media = Converter("audio-processor")
do, refused = media.do, media.refused


def tone(path: Path, seconds: float = 2, rate: int = 44100, channels: int = 2) -> Path:
    """440 Hz on every channel, half as loud on the second."""
    samples = array("h")
    for n in range(int(seconds * rate)):
        value = 20000 * math.sin(n * 2 * math.pi * 440 / rate)
        samples.extend(int(value / (channel + 1)) for channel in range(channels))
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def heard(path: Path) -> tuple[float, float, int]:
    """Seconds, Hz (by where the sound passes zero), channels."""
    values, rate, channels = array("f"), 1, 0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono")
        for frame in container.decode(audio=0):
            rate, channels = frame.sample_rate, frame.layout.nb_channels
            for one in resampler.resample(frame):
                values.frombytes(bytes(one.planes[0])[: one.samples * 4])
    middle = values[len(values) // 4 : len(values) * 3 // 4]
    crossings = sum(a < 0 <= b for a, b in zip(middle, middle[1:], strict=False))
    return len(values) / rate, crossings / (len(middle) / rate), channels


def test_what_it_is(tools: Tools, tmp_path: Path) -> None:
    given = do(tools, "metadata", tone(tmp_path / "a.wav"))
    assert given == {
        "format": "wav", "duration": 2.0, "bit_rate": 1411200, "size": 352844, "codec": "pcm_s16le",
        "sample_rate": 44100, "channels": 2, "layout": "stereo", "cover": False,
    }  # fmt: skip
    assert do(tools, "detect", tmp_path / "a.wav") == {"format": "wav", "codec": "pcm_s16le"}


@pytest.mark.parametrize("format", sorted(FORMATS))
def test_every_format_sounds_the_same(tools: Tools, tmp_path: Path, format: str) -> None:
    source, target = tone(tmp_path / "a.wav"), tmp_path / f"new.{format}"
    made = do(tools, "convert", source, target)
    assert (made["duration"], made["channels"], made["format"]) == (2.0, 2, format)
    seconds, pitch, channels = heard(target)
    assert abs(seconds - 2) < 0.1 and abs(pitch - 440) < 3 and channels == 2
    assert do(tools, "detect", target)["format"] in (format, "ogg")
    back = do(tools, "convert", target, tmp_path / "back.wav")
    assert abs(back["duration"] - 2) < 0.1


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (11025, 2), (96000, 1), (5000, 1)])
@pytest.mark.parametrize("format", ["mp3", "opus", "m4a"])
def test_what_a_format_has_not_becomes_the_next(
    tools: Tools, tmp_path: Path, rate: int, channels: int, format: str
) -> None:
    do(tools, "convert", tone(tmp_path / "a.wav", 1, rate, channels), tmp_path / f"b.{format}")
    seconds, pitch, heard_channels = heard(tmp_path / f"b.{format}")
    assert abs(seconds - 1) < 0.2 and abs(pitch - 440) < 5 and heard_channels == channels


def test_what_is_asked_for(tools: Tools, tmp_path: Path) -> None:
    source = tone(tmp_path / "a.wav")
    made = do(tools, "convert", source, tmp_path / "b.flac", sample_rate=16000, channels=1, start=0.5, duration=1)
    assert (made["sample_rate"], made["channels"], made["layout"]) == (16000, 1, "mono")
    seconds, pitch, channels = heard(tmp_path / "b.flac")
    assert abs(seconds - 1) < 0.1 and abs(pitch - 440) < 3 and channels == 1
    sizes = [
        do(tools, "convert", source, tmp_path / f"{n}.mp3", bitrate=n) and (tmp_path / f"{n}.mp3").stat().st_size
        for n in (64, 256)
    ]
    assert sizes[1] > 3 * sizes[0]
    assert do(tools, "convert", tone(tmp_path / "c.wav", 0.1, 8000, 6), tmp_path / "six.flac")["layout"] == "5.1"


def test_tags_go_along(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "a.flac"
    do(tools, "convert", tone(tmp_path / "a.wav", 0.2), source)
    with av.open(str(source)) as old, av.open(str(tmp_path / "tagged.flac"), "w") as new:
        new.metadata.update({"title": "Süß", "artist": "Ada"})
        stream = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    do(tools, "convert", tmp_path / "tagged.flac", tmp_path / "b.mp3")
    tags = do(tools, "metadata", tmp_path / "b.mp3")["tags"]
    assert (tags["title"], tags["artist"]) == ("Süß", "Ada")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"target_path": "/etc/x.mp3"}, "outside of the allowed"),
        ({"target_path": None}, "`target_path`"),
        ({"format": "flac", "bitrate": 64}, "bitrate"),
        ({"channels": 6}, "channels is 1 or 2"),
        ({"sample_rate": 1}, "sample_rate"),
        ({"start": -1}, "start"),
        ({"start": 99}, "no sound from 99 s on; it has 0.1 s"),
        ({"duration": 0}, "duration"),
    ],
)
def test_what_can_not_be_done(tools: Tools, tmp_path: Path, asked: dict[str, Any], words: str) -> None:
    source = tone(tmp_path / "a.wav", 0.1)
    assert words in str(refused(tools, "convert", source, **{"target_path": str(tmp_path / "b.mp3"), **asked}))
    assert os.listdir(tmp_path) == ["a.wav"]


def test_files_that_are_no_sound(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("hello")
    assert "no audio or video" in str(refused(tools, "metadata", tmp_path / "text.mp3"))
    assert "no such file" in str(refused(tools, "metadata", tmp_path / "none.mp3"))
    assert "names no format" in str(refused(tools, "convert", tone(tmp_path / "a.wav", 0.1), tmp_path / "a.xyz"))


def test_a_playlist_leads_nowhere(tools: Tools, tmp_path: Path) -> None:
    secret = tone(tmp_path / "secret.wav", 0.1)
    lists = {
        "a.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "a.ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        refused(tools, "metadata", tmp_path / name)


def test_a_file_that_gets_too_large_is_not_written(tmp_path: Path) -> None:
    source = tone(tmp_path / "a.wav", 2)
    with pytest.raises(ToolError, match="max_file_mb"):
        audio_processor(
            Call(Policy((str(tmp_path),), max_file_bytes=50_000)), str(source), "convert", str(tmp_path / "b.wav")
        )
    assert os.listdir(tmp_path) == ["a.wav"]


def test_a_call_that_takes_too_long_leaves_nothing(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "long.wav"
    with wave.open(str(source), "wb") as file:
        file.setparams((2, 2, 48000, 0, "NONE", ""))
        file.writeframes(bytes(90_000_000))
    with pytest.raises(ToolError) as raised:
        tools.call(
            "audio-processor",
            {"operation": "convert", "source_path": str(source), "target_path": str(tmp_path / "b.mp3")},
            seconds=0.8,
        )
    assert raised.value.code == "timeout"
    assert os.listdir(tmp_path) == ["long.wav"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["wav", "mp3", "flac", "opus", "m4a"]), st.integers(0, 3000), st.binary(min_size=1, max_size=9))
def test_whatever_is_in_a_file_the_answer_is_a_result_or_a_tool_error(
    tmp_path: Path, format: str, at: int, junk: bytes
) -> None:
    call, made = Call(Policy((str(tmp_path),))), tmp_path / f"a.{format}"
    if not made.exists():
        audio_processor(call, str(tone(tmp_path / "a0.wav", 0.1)), "convert", str(made))
    data = made.read_bytes()
    at %= len(data)
    broken = tmp_path / "broken"
    broken.write_bytes(data[:at] + junk + data[at + len(junk) :])
    for operation, target in (("metadata", None), ("convert", str(tmp_path / "new.wav"))):
        try:
            assert audio_processor(call, str(broken), operation, target).text  # type: ignore[arg-type]
        except ToolError as error:
            assert str(error)

"""audio-processor: facts about sound files, and other formats of them. A worker process: it computes in C."""

from __future__ import annotations

import math
import os
import wave
from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.contents.media_streams import (
    AAC,
    MP3,
    OPUS,
    Encoded,
    audio_facts,
    codec,
    covers,
    explained,
    facts,
    made,
    media,
    name_of,
    seconds,
    sound,
    voice_of,
)  # fmt: skip
from llmspell_kernel.tools.spec import Example, Result, tool
from llmspell_kernel.tools.stage import Stage

FORMATS = {
    "wav": Encoded("wav", "pcm_s16le"),
    "mp3": Encoded("mp3", "libmp3lame", MP3, channels=2),
    "flac": Encoded("flac", "flac"),
    "ogg": Encoded("ogg", "libopus", OPUS, channels=2),
    "opus": Encoded("opus", "libopus", OPUS, channels=2),
    "m4a": Encoded("ipod", "aac", AAC, channels=2),
    "aac": Encoded("adts", "aac", AAC, channels=2),
    "aiff": Encoded("aiff", "pcm_s16be"),
}
Format = Literal["wav", "mp3", "flac", "ogg", "opus", "m4a", "aac", "aiff"]
LOSSLESS = ("wav", "flac", "aiff")


def _sample(stage: Stage) -> None:
    """A second of the note A."""
    samples = array("h", (int(9000 * math.sin(n * 2 * math.pi * 440 / 8000)) for n in range(8000)))
    with wave.open(f"{stage.folder}/tone.wav", "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


@tool(
    category="media",
    runs="process",
    extra="media",
    needs=("av",),
    aliases={"file_path": "source_path", "input": "source_path", "path": "source_path", "output": "target_path",
             "output_format": "format", "target_format": "format"},
    prepare=_sample,
    examples=[
        Example(
            "What it is",
            {"operation": "metadata", "file_path": "{folder}/tone.wav"},
            result={"format": "wav", "codec": "pcm_s16le", "duration": 1.0, "sample_rate": 8000, "channels": 1},
        ),
        Example(
            "As an MP3",
            {"operation": "convert", "source_path": "{folder}/tone.wav", "target_path": "{folder}/tone.mp3",
             "bitrate": 64},
            result={"path": "{folder}/tone.mp3", "format": "mp3", "codec": "mp3", "sample_rate": 8000},
        ),
        Example("Not a sound", {"operation": "detect", "file_path": "{folder}/hello.txt"}, error="failed"),
    ],
)  # fmt: skip
def audio_processor(
    call: Call,
    source_path: str,
    operation: Literal["metadata", "detect", "convert"] = "metadata",
    target_path: str | None = None,
    format: Format | None = None,
    sample_rate: int | None = None,
    channels: int | None = None,
    bitrate: int | None = None,
    start: float = 0,
    duration: float | None = None,
) -> Result:
    """Look at an audio file (format, length, tags), or convert it.

    Args:
        source_path: The sound: WAV, MP3, FLAC, Ogg, Opus, M4A, AAC, AIFF and more; also that of a video.
        operation: metadata: all about it; detect: its format; convert: writes `target_path`.
        target_path: Where the new file goes.
        format: What the new file is; without it, what the name of `target_path` says.
        sample_rate: Of the new file, per second; what the format has not becomes the next that it has.
        channels: Of the new file, 1 or 2; without it, those of the old one.
        bitrate: Of the new file, thousand bits per second (not wav, flac, aiff).
        start: From where on to convert, in seconds; to about a tenth.
        duration: How many seconds of it.
    """
    with media(call, source_path) as container:
        stream = voice_of(container)
        if stream is None:
            raise ToolError(f"{source_path} has no sound", details={"path": source_path})
        if operation == "detect":
            name = name_of(container)
            return Result({"format": name, "codec": codec(stream.codec_context)}, name)
        if operation == "metadata":
            return _metadata(container, stream)
        if target_path is None:
            raise _invalid("convert needs `target_path`")
        form, name = _form(target_path, format, bitrate)
        _check(sample_rate, channels, start, duration)
        return _convert(call, container, stream, source_path, target_path, form, name, sample_rate, channels, bitrate,
                        start, duration)  # fmt: skip


def _metadata(container: InputContainer, stream: AudioStream) -> Result:
    known = {**facts(container), **audio_facts(stream)}
    known["cover"] = bool(covers(container))
    length = "" if known.get("duration") is None else f", {known['duration']:g} s"
    text = f"{known['format']} ({known['codec']}){length}, {known['sample_rate']} Hz, {known['layout']}"
    tags = "".join(f"\n{key}: {value}" for key, value in known.get("tags", {}).items())
    return Result(known, text + tags)


def _form(path: str, format: str | None, bitrate: int | None) -> tuple[Encoded, str]:
    name = format or os.path.splitext(path)[1].lower().lstrip(".")
    name = {"aif": "aiff", "oga": "ogg"}.get(name, name)
    if name not in FORMATS:
        raise _invalid(f"{path} names no format that is written ({', '.join(FORMATS)}); give `format`")
    if bitrate is not None and (name in LOSSLESS or not 8 <= bitrate <= 512):
        raise _invalid(f"bitrate is from 8 to 512 (thousand bits per second), for all but {', '.join(LOSSLESS)}")
    return FORMATS[name], name


def _check(sample_rate: int | None, channels: int | None, start: float, duration: float | None) -> None:
    if sample_rate is not None and not 4000 <= sample_rate <= 192_000:
        raise _invalid(f"sample_rate is from 4000 to 192000, not {sample_rate}")
    if channels is not None and channels not in (1, 2):
        raise _invalid(f"channels is 1 or 2, not {channels}")
    if not 0 <= start < math.inf or (duration is not None and not 0 < duration < math.inf):
        raise _invalid("start is at least 0 and duration more than 0, in seconds")


def _convert(
    call: Call, container: InputContainer, voice: AudioStream, source: str, target: str, form: Encoded, name: str,
    rate: int | None, channels: int | None, bitrate: int | None, start: float, duration: float | None,
) -> Result:  # fmt: skip
    with made(call, target, form.container) as (output, mux):
        output.metadata.update(container.metadata)
        stream = sound(output, voice, form, rate, channels, bitrate)
        samples, length = 0, 0.0
        for frame in _frames(container, voice, source, start, duration):
            frame.pts, frame.time_base = samples, Fraction(1, frame.sample_rate)  # from 0 on, without gaps
            samples += frame.samples
            length += frame.samples / frame.sample_rate
            mux(stream.encode(frame))
        if not samples:
            raise _invalid(f"{source} has no sound from {start:g} s on; it has {seconds(container)} s")
        mux(stream.encode(None))
        known: dict[str, Any] = {"path": target, "format": name, "duration": round(length, 3), **audio_facts(stream)}
    return Result(known, f"{name}, {length:g} s, to {target}")


def _frames(
    container: InputContainer, stream: AudioStream, path: str, start: float, duration: float | None
) -> Iterator[AudioFrame]:
    with explained(path):
        offset = float((stream.start_time or 0) * (stream.time_base or 0))
        if start and container.duration:
            container.seek(int((start + offset) / (stream.time_base or 1)), stream=stream)
        end = math.inf if duration is None else start + duration
        for frame in container.decode(stream):
            at = (frame.time or 0.0) - offset
            if at >= end:
                return
            if at + frame.samples / frame.sample_rate > start:
                yield frame


def _invalid(text: str) -> ToolError:
    return ToolError(text, code="invalid_parameters")

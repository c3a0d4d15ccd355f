"""Audio and video files through PyAV, which brings ffmpeg's libraries: no program is started. A worker process.

A file may name others (playlists, MOV references): none is opened, and only formats that hold their content are read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.contents.whole_files import check_size, opened, written

READABLE = (
    "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "flac", "flv", "gif", "h264", "hevc", "m4v",
    "matroska", "mov", "mp3", "mp4", "mpeg", "mpegts", "mpegvideo", "ogg", "tta", "voc", "w64", "wav", "webm", "wv",
)  # fmt: skip
THREADS = 2  # of a codec; as many as there are processors could be too many for the memory that a worker has
LOOK = 50  # packets between two looks at the size
# What is wrong with a file is told by the error, and by nothing else.
av.logging.set_level(av.logging.ERROR)
logging.getLogger("libav").addHandler(logging.NullHandler())
logging.getLogger("libav").propagate = False


class Encoded(NamedTuple):
    """What a format of files is made of, by ffmpeg's names. ``rates``: empty, every one."""

    container: str
    audio: str
    rates: tuple[int, ...] = ()
    video: str = ""
    channels: int = 8


LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
MP3 = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC = (*MP3, 64000, 88200, 96000)
OPUS = (48000,)


@contextmanager
def media(call: Call, path: str) -> Iterator[InputContainer]:
    """Raises ToolError: there is no such file, or it is none."""
    with opened(call, path, whole=False) as file, explained(path):
        container = av.open(
            file, "r", options={"format_whitelist": ",".join(READABLE), "protocol_whitelist": "none"},
            metadata_errors="replace", io_open=_refused,
        )  # fmt: skip
        with container:
            yield container


def _refused(url: str, *_: Any) -> Any:
    raise ToolError("the file names another one, and no other is opened", code="not_allowed")


@contextmanager
def explained(path: str, what: str = "is no audio or video that can be read") -> Iterator[None]:
    """A broken file fails in any place of ffmpeg."""
    try:
        yield
    except av.error.FFmpegError as error:
        reason = (error.strerror or str(error)).lower()
        log: Any = error.log  # level, who, what
        if log and log[2].strip():
            reason += f" ({log[2].strip().removeprefix('Additional information: ')})"
        if "alloc" in reason:
            reason += "; tools.max_memory_mb in llmspell.toml allows more memory"
        raise ToolError(f"{path} {what}: {reason}", details={"path": path}) from error


@contextmanager
def made(call: Call, path: str, container: str) -> Iterator[tuple[OutputContainer, Mux]]:
    """A new file, there when the block ends well."""
    with written(call, path) as file, explained(path, "can't be written so"):
        output = av.open(file, "w", format=container)
        try:
            yield output, Mux(call, output, file, path)
        finally:
            output.close()


class Mux:
    """Puts packets into a file that has a limit."""

    def __init__(self, call: Call, output: OutputContainer, file: BinaryIO, path: str) -> None:
        self._call, self._output, self._file, self._path = call, output, file, path
        self._count = 0

    def __call__(self, packets: list[Any]) -> None:
        for packet in packets:
            self._output.mux(packet)
            self._count += 1
            if self._count % LOOK == 0:
                self._call.check()
                check_size(self._call, self._file, self._path)


def seconds(container: InputContainer) -> float | None:
    return None if container.duration is None else round(container.duration / av.time_base, 3)


def facts(container: InputContainer) -> dict[str, Any]:
    """What is known of the file as a whole."""
    known: dict[str, Any] = {"format": name_of(container), "duration": seconds(container)}
    known |= {"bit_rate": container.bit_rate or None, "size": container.size}
    if container.metadata:
        known["tags"] = {key.lower(): value for key, value in container.metadata.items()}
    return {key: value for key, value in known.items() if value is not None}


def name_of(container: InputContainer) -> str:
    """``mp4`` of ``mov,mp4,m4a,3gp,3g2,mj2``, as the file's brand says; else ffmpeg's first name."""
    names = container.format.name.split(",")
    if "mp4" in names:
        brand = container.metadata.get("major_brand", "").strip()
        return "mov" if brand == "qt" else "m4a" if brand.startswith("M4A") else "mp4"
    if "webm" in names:
        video = [one.codec_context.name for one in container.streams.video if _decodable(one)]
        return "webm" if all(name.startswith(("vp8", "vp9", "av1", "libdav1d")) for name in video) else "mkv"
    return names[0]


def audio_facts(stream: AudioStream) -> dict[str, Any]:
    context = stream.codec_context
    known = {
        "codec": codec(context), "sample_rate": context.sample_rate, "channels": context.channels,
        "layout": layout(context), "bit_rate": context.bit_rate or None,
    }  # fmt: skip
    return {key: value for key, value in known.items() if value is not None}


def codec(context: CodecContext) -> str:
    """``mp3``, whoever decodes or encodes it."""
    return str(getattr(context.codec, "canonical_name", context.name))


def layout(context: AudioCodecContext) -> str:
    """Where the channels are; files that don't say are taken to mean the usual."""
    name = context.layout.name
    return LAYOUTS.get(context.channels, name) if name.endswith("channels") else name


def covers(container: InputContainer) -> list[VideoStream]:
    """Pictures that go with the sound."""
    return [one for one in container.streams.video if av.stream.Disposition.attached_pic in one.disposition]


def moving(container: InputContainer) -> VideoStream | None:
    """The first video that there is a decoder for."""
    pictures = covers(container)
    return next((one for one in container.streams.video if one not in pictures and _decodable(one)), None)


def voice_of(container: InputContainer) -> AudioStream | None:
    """The first sound that there is a decoder for; a broken file may tell of one without channels."""
    return next((one for one in container.streams.audio if _decodable(one) and _audible(one.codec_context)), None)


def _audible(context: AudioCodecContext) -> bool:
    return context.sample_rate > 0 and context.channels > 0


def _decodable(stream: Any) -> bool:
    return stream.codec_context is not None


def sound(output: OutputContainer, source: AudioStream, form: Encoded, rate: int | None = None,
          channels: int | None = None, bit_rate: int | None = None) -> AudioStream:  # fmt: skip
    """A stream for the sound of another one, as like it as the format allows. Raises ToolError."""
    count = channels or min(source.codec_context.channels, form.channels)
    if count > form.channels:
        raise ToolError(f"{form.audio} has at most {form.channels} channels here", code="invalid_parameters")
    wanted = rate or source.codec_context.sample_rate
    if form.rates and wanted not in form.rates:
        wanted = min((one for one in form.rates if one >= wanted), default=max(form.rates))
    same = count == source.codec_context.channels
    stream = output.add_stream(form.audio, rate=wanted)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = layout(source.codec_context) if same else LAYOUTS[count]
    if bit_rate is not None:
        stream.codec_context.bit_rate = bit_rate * 1000
    return stream

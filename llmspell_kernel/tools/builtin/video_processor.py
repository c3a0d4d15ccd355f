"""video-processor: facts about videos, single pictures of them, other sizes and formats. A worker process.

What a phone noted of its position is in the pictures, and stays with the video.
"""

from __future__ import annotations

import math
import os
from fractions import Fraction
from typing import Any, Literal

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.contents.media_streams import (
    AAC,
    OPUS,
    THREADS,
    Encoded,
    Mux,
    audio_facts,
    codec,
    explained,
    facts,
    made,
    media,
    moving,
    name_of,
    seconds,
    sound,
    voice_of,
)
from llmspell_kernel.tools.contents.whole_files import written
from llmspell_kernel.tools.spec import Example, Result, tool
from llmspell_kernel.tools.stage import Stage

MAX_PIXELS = 40_000_000  # of a picture: 8K has 33 million
MAX_SIDE = 8192
THUMBNAIL = 320
PICTURES = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "bmp": "BMP"}
FORMATS = {
    "mp4": Encoded("mp4", "aac", AAC, "libx264"),
    "m4v": Encoded("mp4", "aac", AAC, "libx264"),
    "mov": Encoded("mov", "aac", AAC, "libx264"),
    "mkv": Encoded("matroska", "aac", AAC, "libx264"),
    "webm": Encoded("webm", "libopus", OPUS, "libvpx-vp9", channels=2),
}
OPTIONS = {
    "libx264": {"preset": "veryfast", "crf": "23", "threads": str(THREADS)},
    "libvpx-vp9": {
        "deadline": "realtime",
        "cpu-used": "6",
        "crf": "32",
        "b": "0",
        "lag-in-frames": "0",
        "threads": str(THREADS),
    },
}
Format = Literal["mp4", "m4v", "mov", "mkv", "webm", "png", "jpg", "jpeg", "webp", "bmp"]


def _sample(stage: Stage) -> None:
    """Two seconds of a picture that gets brighter."""
    with av.open(f"{stage.folder}/dawn.mp4", "w") as container:
        stream = container.add_stream("libx264", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture: Any = VideoFrame  # its functions are not typed
        for n in range(20):
            container.mux(stream.encode(picture.from_image(Image.new("RGB", (64, 48), (n * 12, n * 10, 0)))))
        container.mux(stream.encode(None))


@tool(
    category="media",
    runs="process",
    extra="media",
    needs=("av", "PIL"),
    aliases={"file_path": "source_path", "input": "source_path", "path": "source_path", "output": "target_path",
             "output_format": "format", "time": "timestamp", "timestamp_seconds": "timestamp"},
    prepare=_sample,
    examples=[
        Example(
            "What it is",
            {"operation": "metadata", "file_path": "{folder}/dawn.mp4"},
            result={"format": "mp4", "codec": "h264", "width": 64, "height": 48, "duration": 2.0, "fps": 10.0},
        ),
        Example(
            "One picture",
            {"operation": "extract_frame", "source_path": "{folder}/dawn.mp4", "target_path": "{folder}/one.png",
             "timestamp": 1.05},
            result={"path": "{folder}/one.png", "timestamp": 1.0, "width": 64, "height": 48},
        ),
        Example(
            "Smaller, and as WebM",
            {"operation": "resize", "source_path": "{folder}/dawn.mp4", "target_path": "{folder}/small.webm",
             "width": 32},
            result={"width": 32, "height": 24, "codec": "vp9", "frames": 20},
        ),
    ],
)  # fmt: skip
def video_processor(
    call: Call,
    source_path: str,
    operation: Literal["metadata", "detect", "extract_frame", "thumbnail", "resize", "convert"] = "metadata",
    target_path: str | None = None,
    format: Format | None = None,
    timestamp: float | None = None,
    width: int | None = None,
    height: int | None = None,
) -> Result:
    """Look at a video, take a picture out of it, make it smaller or convert it.

    Args:
        source_path: The video: MP4, MOV, MKV, WebM, AVI, MPEG, GIF and more.
        operation: metadata: all about it; detect: its format; extract_frame, thumbnail: a picture of it; resize,
            convert: a new video.
        target_path: Where the new file goes.
        format: What the new file is; without it, what the name of `target_path` says.
        timestamp: Where the picture is, in seconds; without it the first one, for a thumbnail that after a tenth.
        width: Pixels of the new file; without it, by the height.
        height: Pixels of the new file; of both, a thumbnail is as large as fits in them.
    """
    with media(call, source_path) as container:
        stream = moving(container)
        if stream is None:
            raise ToolError(f"{source_path} has no video", details={"path": source_path})
        if operation == "detect":
            return Result({"format": name_of(container), "codec": codec(stream.codec_context)}, name_of(container))
        if operation == "metadata":
            return _metadata(container, stream)
        if target_path is None:
            raise _invalid(f"{operation} needs `target_path`")
        _check(stream, source_path, width, height)
        stream.codec_context.thread_count = THREADS
        name = format or os.path.splitext(target_path)[1].lower().lstrip(".")
        if operation in ("extract_frame", "thumbnail"):
            return _picture(call, container, stream, operation, name, target_path, timestamp, width, height)
        if name not in FORMATS:
            raise _invalid(f"{target_path} names no video that is written ({', '.join(FORMATS)}); give `format`")
        if operation == "resize" and width is None and height is None:
            raise _invalid("resize needs `width` or `height`")
        return _video(call, container, stream, source_path, target_path, name, width, height)


def _check(stream: VideoStream, path: str, width: int | None, height: int | None) -> None:
    if stream.width * stream.height > MAX_PIXELS:
        raise ToolError(f"{path}: {stream.width} × {stream.height} are more than {MAX_PIXELS} pixels")
    for one in (width, height):
        if one is not None and not 2 <= one <= MAX_SIDE:
            raise _invalid(f"width and height are from 2 to {MAX_SIDE} pixels, not {one}")


def _metadata(container: InputContainer, stream: VideoStream) -> Result:
    rate = stream.average_rate or stream.guessed_rate
    known = facts(container) | {
        "codec": codec(stream.codec_context), "width": stream.width, "height": stream.height,
        "pixel_format": stream.codec_context.pix_fmt,
    }  # fmt: skip
    if rate:
        known["fps"] = round(float(rate), 3)
    if stream.frames:
        known["frames"] = stream.frames
    voice = voice_of(container)
    if voice:
        known["audio"] = audio_facts(voice)
    length = "" if known.get("duration") is None else f", {known['duration']:g} s"
    fps = f", {known['fps']:g} fps" if rate else ""
    heard = f", sound: {known['audio']['codec']}" if voice else ""
    text = f"{known['format']} ({known['codec']}), {stream.width} × {stream.height}{length}{fps}{heard}"
    return Result(known, text)


# Pictures ---------------------------------------------------------------------------------------------


def _picture(
    call: Call, container: InputContainer, stream: VideoStream, operation: str, name: str, target: str,
    timestamp: float | None, width: int | None, height: int | None,
) -> Result:  # fmt: skip
    if name not in PICTURES:
        raise _invalid(f"{target} names no picture that is written ({', '.join(PICTURES)}); give `format`")
    if timestamp is None:
        timestamp = 0.0 if operation == "extract_frame" else (seconds(container) or 0.0) / 10
    if not 0 <= timestamp < math.inf:
        raise _invalid("timestamp is at least 0, in seconds")
    frame: Any
    frame, at = _frame_at(call, container, stream, timestamp)
    image: Image.Image = frame.to_image()
    if frame.rotation:
        image = image.rotate(frame.rotation, expand=True)
    if operation == "thumbnail" and width is None and height is None:
        width = height = THUMBNAIL
    if width is not None or height is not None:
        size = _size(image.size, width, height, smaller=operation == "thumbnail")
        image = image.resize(size, Image.Resampling.LANCZOS)
    with written(call, target) as file:
        image.save(file, PICTURES[name])
    return Result(
        {"path": target, "timestamp": at, "width": image.width, "height": image.height},
        f"{image.width} × {image.height}, at {at:g} s, to {target}",
    )


def _frame_at(call: Call, container: InputContainer, stream: VideoStream, timestamp: float) -> tuple[VideoFrame, float]:
    """The picture that is seen then, and when it starts. Raises ToolError: there is none."""
    # Some formats find a place that is not one to start at: then it is looked for from the beginning.
    for start in dict.fromkeys((timestamp, 0.0)):
        found = _searched(call, container, stream, timestamp, start)
        if found is not None:
            return found
    raise _invalid(f"there is no picture at {timestamp:g} s: the video has {seconds(container)} s")


def _searched(
    call: Call, container: InputContainer, stream: VideoStream, timestamp: float, start: float
) -> tuple[VideoFrame, float] | None:
    base = stream.time_base or Fraction(1, 1000)
    offset = float((stream.start_time or 0) * base)
    if timestamp:
        container.seek(int((start + offset) / base), stream=stream)
    found: tuple[VideoFrame, float] | None = None
    for frame in container.decode(stream):
        call.check()
        at = round((frame.time or 0.0) - offset, 6)
        if at > timestamp + 1e-6 and (found is not None or start):
            return found
        found = frame, max(at, 0.0)
    length = seconds(container)
    return None if length is not None and timestamp > length else found


def _size(size: tuple[int, int], width: int | None, height: int | None, smaller: bool = False) -> tuple[int, int]:
    if width is not None and height is not None and not smaller:
        return width, height
    scale = min((width or math.inf) / size[0], (height or math.inf) / size[1])
    scale = min(scale, 1) if smaller else scale
    made = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
    if max(made) > MAX_SIDE:
        raise _invalid(f"the new one would be {made[0]} × {made[1]} pixels; a side is at most {MAX_SIDE}")
    return made


# Videos -----------------------------------------------------------------------------------------------


def _video(
    call: Call, container: InputContainer, source: VideoStream, source_path: str, target: str, name: str,
    width: int | None, height: int | None,
) -> Result:  # fmt: skip
    form = FORMATS[name]
    size = (source.width, source.height)
    if width is not None or height is not None:
        size = _size(size, width, height)
    size = (max(size[0] & ~1, 2), max(size[1] & ~1, 2))  # what is written has every second colour only
    with made(call, target, form.container) as (output, mux):
        output.metadata.update({key: value for key, value in container.metadata.items() if key in ("title", "artist")})
        stream = _stream(output, source, form, size)
        rotation = _rotation(call, source_path)
        if rotation:
            _rotate(stream, rotation)
        voice = voice_of(container)
        voice_out = sound(output, voice, form) if voice else None
        count = _transcode(container, source_path, source, stream, voice, voice_out, mux)
        if not count:
            raise ToolError(f"{source_path} has no pictures", details={"path": source_path})
    known: dict[str, Any] = {
        "path": target, "format": name, "codec": codec(stream.codec_context), "width": size[0], "height": size[1],
        "frames": count, "audio": audio_facts(voice_out) if voice_out else None,
    }  # fmt: skip
    return Result(known, f"{size[0]} × {size[1]} {name}, {count} pictures, to {target}")


def _stream(output: OutputContainer, source: VideoStream, form: Encoded, size: tuple[int, int]) -> VideoStream:
    rate = source.average_rate or source.guessed_rate or Fraction(25)
    stream = output.add_stream(form.video, rate=rate, options=dict(OPTIONS[form.video]))
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    if source.time_base and source.time_base.denominator <= 1_000_000:
        stream.codec_context.time_base = source.time_base
    return stream


def _rotate(stream: VideoStream, rotation: int) -> None:
    try:
        stream.set_display_rotation(rotation)
    except AttributeError as error:
        raise ToolError(f"the video is turned, which PyAV {av.__version__} can't write; install a newer one") from error


def _rotation(call: Call, path: str) -> int:
    """It is noted with the pictures, and has to be known before the first is written."""
    with media(call, path) as container:
        frames: Any = container.decode(moving(container))
        return next((int(frame.rotation) for frame in frames), 0)


def _transcode(
    container: InputContainer, path: str, source: VideoStream, stream: VideoStream,
    voice: AudioStream | None, voice_out: AudioStream | None, mux: Mux,
) -> int:  # fmt: skip
    """Gives how many pictures there were. Times start where the earlier of the two streams does."""
    streams = [source, *([voice] if voice else [])]
    start = min(Fraction(one.start_time or 0) * (one.time_base or 0) for one in streams)
    pictures, samples, last = 0, 0, -1
    for frame in _decoded(container, path, streams):
        if isinstance(frame, VideoFrame):
            new = _rescaled(frame, stream, start)
            if new.pts is not None and new.pts > last:  # else it would be seen before the one before
                last, pictures = new.pts, pictures + 1
                mux(stream.encode(new))
        elif voice_out is not None:
            samples = samples or max(int(((frame.time or 0) - float(start)) * frame.sample_rate), 0)
            frame.pts, frame.time_base = samples, Fraction(1, frame.sample_rate)  # without gaps
            samples += frame.samples
            mux(voice_out.encode(frame))
    mux(stream.encode(None) if pictures else [])
    mux(voice_out.encode(None) if voice_out is not None and samples else [])
    return pictures


def _rescaled(frame: VideoFrame, stream: VideoStream, start: Fraction) -> VideoFrame:
    new = frame.reformat(stream.width, stream.height, "yuv420p")
    base = frame.time_base or Fraction(1, 1000)
    new.pts, new.time_base = (frame.pts or 0) - int(start / base), base
    new.pict_type = PictureType.NONE  # which ones stand for themselves is for the new codec to say
    return new


def _decoded(container: InputContainer, path: str, streams: list[Any]) -> Any:
    with explained(path):
        yield from container.decode(*streams)


def _invalid(text: str) -> ToolError:
    return ToolError(text, code="invalid_parameters")

"""image-processor: facts about images, and changes of size, place and format. A worker process: it computes in C.

Images lie as a camera's note says (EXIF orientation) before anything is cut or turned. What moves, moves afterwards
too, if the format can.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from PIL import ExifTags, Image, ImageColor, ImageOps, ImageSequence, UnidentifiedImageError, features

from llmspell_kernel.errors import ToolError
from llmspell_kernel.tools.calls.call import Call
from llmspell_kernel.tools.contents.whole_files import opened, written
from llmspell_kernel.tools.spec import Example, Result, tool
from llmspell_kernel.tools.stage import Stage

MAX_PIXELS = 64_000_000  # of one image; all frames of one that moves may have twice as many
MAX_SIDE = 30_000
THUMBNAIL = 256
Format = Literal["png", "jpeg", "jpg", "gif", "webp", "bmp", "tiff", "tif", "ico", "ppm", "avif"]


class Kind(NamedTuple):
    """What a format can hold. ``modes``: of Pillow; the last one takes everything."""

    name: str
    modes: tuple[str, ...]
    moves: bool = False
    quality: bool = False


KINDS = {
    "png": Kind("PNG", ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"), moves=True),
    "jpeg": Kind("JPEG", ("L", "CMYK", "RGB"), quality=True),
    "gif": Kind("GIF", ("1", "L", "P", "RGB", "RGBA"), moves=True),
    "webp": Kind("WEBP", ("RGB", "RGBA"), moves=True, quality=True),
    "bmp": Kind("BMP", ("1", "L", "P", "RGB")),
    "tiff": Kind("TIFF", ("1", "L", "LA", "I;16", "I", "F", "P", "CMYK", "RGB", "RGBA")),
    "ico": Kind("ICO", ("RGBA",)),
    "ppm": Kind("PPM", ("1", "L", "RGB")),
    "avif": Kind("AVIF", ("RGB", "RGBA"), moves=True, quality=True),
}
SPELLINGS = {"jpg": "jpeg", "tif": "tiff", "pgm": "ppm", "pbm": "ppm", "jpe": "jpeg", "mpo": "jpeg"}
ALPHA = ("LA", "RGBA", "La", "RGBa", "PA")


def _sample(stage: Stage) -> None:
    image = Image.new("RGB", (64, 32), "navy")
    image.paste("gold", (0, 0, 32, 32))
    image.save(f"{stage.folder}/flag.png")


@tool(
    category="media",
    runs="process",
    extra="media",
    needs=("PIL",),
    aliases={"file_path": "source_path", "input": "source_path", "path": "source_path", "output": "target_path",
             "output_format": "format", "target_format": "format", "maintain_aspect_ratio": "keep_aspect",
             "degrees": "angle", "max_width": "width", "max_height": "height"},
    prepare=_sample,
    examples=[
        Example(
            "What it is",
            {"operation": "metadata", "file_path": "{folder}/flag.png"},
            result={"format": "png", "width": 64, "height": 32, "mode": "RGB", "frames": 1},
        ),
        Example(
            "Smaller, and as a JPEG",
            {"operation": "resize", "source_path": "{folder}/flag.png", "target_path": "{folder}/small.jpg",
             "width": 16},
            text="16 × 8 jpeg to {folder}/small.jpg",
        ),
        Example(
            "A part of it",
            {"operation": "crop", "source_path": "{folder}/flag.png", "target_path": "{folder}/part.png",
             "x": 16, "y": 0, "width": 32, "height": 32},
            result={"width": 32, "height": 32},
        ),
        Example(
            "Not an image",
            {"operation": "detect", "source_path": "{folder}/hello.txt"},
            error="failed",
        ),
    ],
)  # fmt: skip
def image_processor(
    call: Call,
    source_path: str,
    operation: Literal["metadata", "detect", "convert", "resize", "crop", "rotate", "thumbnail"] = "metadata",
    target_path: str | None = None,
    format: Format | None = None,
    width: int | None = None,
    height: int | None = None,
    x: int = 0,
    y: int = 0,
    angle: float = 90,
    keep_aspect: bool = True,
    quality: int | None = None,
    background: str = "white",
) -> Result:
    """Look at, convert, resize, crop or rotate an image, or make a thumbnail.

    Args:
        source_path: The image: PNG, JPEG, GIF, WebP, BMP, TIFF, ICO, PPM or AVIF.
        operation: metadata: all about it; detect: its format; the others write `target_path`.
        target_path: Where the new image goes.
        format: What the new image is; without it, what the name of `target_path` says.
        width: Pixels (resize, crop, thumbnail).
        height: Pixels (resize, crop, thumbnail); of width and height one is enough to resize.
        x: Where a crop starts, from the left.
        y: Where a crop starts, from the top.
        angle: Degrees, clockwise (rotate).
        keep_aspect: Whether the image keeps its form within width and height (resize).
        quality: From 1 to 100 (JPEG, WebP, AVIF).
        background: What is behind, where the new format has no transparency: white, #ff8800.
    """
    with _opened(call, source_path) as image:
        if operation == "metadata":
            return _metadata(image)
        if operation == "detect":
            return _detected(image)
        if target_path is None:
            raise _invalid(f"{operation} needs `target_path`")
        kind = _target_kind(format, target_path, image)
        change = _change(operation, image, width, height, x, y, angle, keep_aspect)
        frames = [_fitted(change(frame), kind, background) for frame in _frames(call, image, kind)]
        return _save(call, image, frames, kind, target_path, quality)


@contextmanager
def _opened(call: Call, path: str) -> Iterator[Image.Image]:
    """Checked before any pixel is read. A broken file fails in any place of Pillow, with any error."""
    with opened(call, path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=_readable()) as image:
                _check_pixels(image.width, image.height, path)
                yield image
        except (ToolError, MemoryError):
            raise
        except Image.DecompressionBombError as error:
            raise ToolError(f"{path} has more than {MAX_PIXELS} pixels", details={"path": path}) from error
        except UnidentifiedImageError as error:
            raise ToolError(f"{path} is no image of {', '.join(KINDS)}", details={"path": path}) from error
        except Exception as error:
            raise ToolError(f"{path} is a broken image: {error}", details={"path": path}) from error


def _readable() -> list[str]:
    """Not EPS and others that start programs or are seldom tried."""
    return [kind.name for kind in KINDS.values() if kind.name != "AVIF" or features.check("avif")]


def _check_pixels(width: int, height: int, what: str) -> None:
    if width * height > MAX_PIXELS:
        raise ToolError(f"{what}: {width} × {height} are more than {MAX_PIXELS} pixels", details={"limit": MAX_PIXELS})


def _name(image: Image.Image) -> str:
    name = (image.format or "").lower()
    return SPELLINGS.get(name, name)


def _mime(image: Image.Image) -> str:
    return Image.MIME.get(image.format or "", "application/octet-stream")


def _detected(image: Image.Image) -> Result:
    return Result({"format": _name(image), "mime": _mime(image)}, _name(image))


def _metadata(image: Image.Image) -> Result:
    frames = getattr(image, "n_frames", 1)
    facts: dict[str, Any] = {
        "format": _name(image), "mime": _mime(image), "width": image.width, "height": image.height,
        "mode": image.mode, "has_alpha": image.has_transparency_data, "frames": frames,
    }  # fmt: skip
    if "dpi" in image.info:
        facts["dpi"] = [round(float(one), 2) for one in image.info["dpi"]]
    exif = _exif(image)
    if exif:
        facts["exif"] = exif
    text = f"{facts['width']} × {facts['height']} {facts['format']}, {image.mode}"
    return Result(facts, text + (f", {frames} frames" if frames > 1 else ""))


def _exif(image: Image.Image) -> dict[str, Any]:
    exif = image.getexif()
    tags = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    named = {ExifTags.TAGS.get(tag, str(tag)): value for tag, value in tags.items()}
    return {name: _value(value) for name, value in named.items() if len(str(value)) < 500 and name != "ExifOffset"}


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0")
    if isinstance(value, str):
        return value.strip("\0 ")
    if isinstance(value, int | bool):
        return value
    if isinstance(value, tuple):
        return [_value(one) for one in value]
    try:
        return float(value)  # a fraction
    except (TypeError, ValueError, ZeroDivisionError):
        return str(value)


# Changes ----------------------------------------------------------------------------------------------


def _change(
    operation: str, image: Image.Image, width: int | None, height: int | None, x: int, y: int,
    angle: float, keep: bool,
) -> Callable[[Image.Image], Image.Image]:  # fmt: skip
    """What is done to each frame. Raises ToolError: it can't be done to this image."""
    size = _upright(image)
    for one in (width, height):
        if one is not None and not 1 <= one <= MAX_SIDE:
            raise _invalid(f"width and height are from 1 to {MAX_SIDE} pixels, not {one}")
    if operation == "rotate":
        return _rotation(size, angle)
    if operation == "crop":
        return _cut(size, x, y, width, height)
    if operation == "convert":
        return lambda frame: frame
    if operation == "thumbnail":
        width, height = width or height or THUMBNAIL, height or width or THUMBNAIL
        wanted = _inside(size, min(width, size[0]), min(height, size[1]))
    else:
        wanted = _resized(size, width, height, keep)
    _check_pixels(*wanted, "the new image")
    return lambda frame: frame.resize(wanted, Image.Resampling.LANCZOS)


def _upright(image: Image.Image) -> tuple[int, int]:
    turned = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
    return (image.height, image.width) if turned else (image.width, image.height)


def _resized(size: tuple[int, int], width: int | None, height: int | None, keep: bool) -> tuple[int, int]:
    if width is None and height is None:
        raise _invalid("resize needs `width` or `height`")
    if width is not None and height is not None:
        return _inside(size, width, height) if keep else (width, height)
    if width is not None:
        return width, max(round(size[1] * width / size[0]), 1)
    assert height is not None
    return max(round(size[0] * height / size[1]), 1), height


def _inside(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """As large as it can be in there, in its own form."""
    scale = min(width / size[0], height / size[1])
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def _cut(size: tuple[int, int], x: int, y: int, width: int | None, height: int | None) -> Callable[..., Image.Image]:
    right, bottom = x + (width or size[0] - x), y + (height or size[1] - y)
    if not (0 <= x < right <= size[0] and 0 <= y < bottom <= size[1]):
        raise _invalid(
            f"{x},{y} to {right},{bottom} is not inside of the image, which is {size[0]} × {size[1]}"
        )  # fmt: skip
    return lambda frame: frame.crop((x, y, right, bottom))


def _rotation(size: tuple[int, int], angle: float) -> Callable[[Image.Image], Image.Image]:
    if not abs(angle) <= 36000:
        raise _invalid("rotate takes an `angle` in degrees, at most 36000")
    width, height = (size[0] + size[1],) * 2 if angle % 90 else size
    _check_pixels(width, height, "the new image")

    def turned(frame: Image.Image) -> Image.Image:
        if angle % 90 and frame.mode in ("1", "L", "P", "RGB"):  # the corners are empty
            frame = frame.convert("RGBA")
        return frame.rotate(-angle, resample=Image.Resampling.BICUBIC, expand=True)

    return turned


# Frames and formats -----------------------------------------------------------------------------------


def _target_kind(format: str | None, path: str, image: Image.Image) -> Kind:
    ending = os.path.splitext(path)[1].lower().lstrip(".")
    name = format or ending or _name(image)
    kind = KINDS.get(SPELLINGS.get(name, name))
    if kind is None:
        raise _invalid(f"{path} names no format that is written ({', '.join(KINDS)}); give `format`")
    if kind.name not in _readable():
        raise ToolError(f"this Pillow writes no {kind.name}")
    return kind


def _frames(call: Call, image: Image.Image, kind: Kind) -> Iterator[Image.Image]:
    """One, or all if source and target move; each as it is seen."""
    left = 2 * MAX_PIXELS
    for frame in ImageSequence.Iterator(image):
        call.check()
        left -= frame.width * frame.height
        if left < 0:
            raise ToolError(f"all frames together have more than {2 * MAX_PIXELS} pixels")
        seen = ImageOps.exif_transpose(frame)
        if seen.mode in ("P", "1", "PA"):  # neither can be scaled well
            seen = seen.convert("RGBA" if seen.has_transparency_data else "RGB")
        yield seen if seen is not frame else frame.copy()
        if not kind.moves:
            return


def _fitted(frame: Image.Image, kind: Kind, background: str) -> Image.Image:
    """In a mode that the format has."""
    if frame.mode in kind.modes:
        return frame
    if frame.mode.startswith(("I", "F")):  # 16 bits and more: to 8
        frame = frame.convert("I").point(lambda value: value / 256).convert("L") if frame.mode != "F" else frame
        return frame.convert("L" if "L" in kind.modes else kind.modes[-1])
    if frame.mode in ALPHA and not any(mode in ALPHA for mode in kind.modes):
        try:
            behind = Image.new("RGBA", frame.size, ImageColor.getrgb(background))
        except ValueError as error:
            raise _invalid(f"background is a colour like white or #ff8800, not {background!r}") from error
        frame = Image.alpha_composite(behind, frame.convert("RGBA"))
        return frame.convert("RGB")
    return frame.convert(kind.modes[-1])


def _save(
    call: Call, image: Image.Image, frames: list[Image.Image], kind: Kind, path: str, quality: int | None
) -> Result:
    options: dict[str, Any] = {}
    if quality is not None:
        if not kind.quality or not 1 <= quality <= 100:
            raise _invalid("quality is from 1 to 100, for jpeg, webp and avif")
        options["quality"] = quality
    if kind.name != "GIF" and image.info.get("icc_profile") and frames[0].mode == image.mode:
        options["icc_profile"] = image.info["icc_profile"]
    if len(frames) > 1:
        options |= {"save_all": True, "append_images": frames[1:], "loop": image.info.get("loop", 0)}
        options["duration"] = [int(frame.info.get("duration", 100)) for frame in frames]
    if kind.name == "ICO":
        if max(frames[0].size) > 256:
            raise _invalid("an ico has at most 256 × 256 pixels; resize it")
        options["sizes"] = [frames[0].size]
    with written(call, path) as file:
        frames[0].save(file, kind.name, **options)
        file.flush()
        size = os.fstat(file.fileno()).st_size
    facts = {"path": path, "format": kind.name.lower(), "width": frames[0].width, "height": frames[0].height,
             "frames": len(frames), "size": size}  # fmt: skip
    return Result(facts, f"{frames[0].width} × {frames[0].height} {facts['format']} to {path}")


def _invalid(text: str) -> ToolError:
    return ToolError(text, code="invalid_parameters")

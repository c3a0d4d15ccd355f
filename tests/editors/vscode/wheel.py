"""A wheel of this checkout, without its C filter: what `pip install llmspell` finds in a folder instead of an index.

PYTHON wheel.py FOLDER [VERSION]; PYTHON has llmspell installed from the checkout.
"""

from __future__ import annotations

import re
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[3]


def main(folder: Path, version: str) -> None:
    ours = distribution("llmspell")
    metadata = re.sub(r"^Version: .*$", f"Version: {version}", ours.read_text("METADATA") or "", count=1, flags=re.M)
    about = f"llmspell-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"llmspell-{version}-py3-none-any.whl", "w") as wheel:
        for package in ("llmspell_kernel", "llmspell_dap"):
            for path in (ROOT / package).rglob("*"):
                if path.is_file() and path.suffix not in (".pyc", ".so", ".c"):
                    text = path.read_bytes()
                    if path.name == "__init__.py":
                        text = re.sub(rb"(?m)^__version__ = .*$", f'__version__ = "{version}"'.encode(), text)
                    wheel.writestr(str(path.relative_to(ROOT)), text)
        wheel.writestr(f"{about}/METADATA", metadata)
        wheel.writestr(f"{about}/entry_points.txt", ours.read_text("entry_points.txt") or "")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "\n".join(f"{name},," for name in wheel.namelist()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else distribution("llmspell").version)

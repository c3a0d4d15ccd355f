"""MurmurHash2 of 32 bits: JupyterLab and the kernel name the text of a cell with it, and must agree to the bit."""

from __future__ import annotations

import sys
from array import array

M = 0x5BD1E995
BITS = 0xFFFFFFFF


def murmur2(data: bytes, seed: int) -> int:
    whole = len(data) & ~3
    blocks = array("I", data[:whole])
    if sys.byteorder == "big":
        blocks.byteswap()
    h = (seed ^ len(data)) & BITS
    for k in blocks:
        k = k * M & BITS
        h = h * M & BITS ^ (k ^ k >> 24) * M & BITS
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * M & BITS
    h = (h ^ h >> 13) * M & BITS
    return h ^ h >> 15

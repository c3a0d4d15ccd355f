"""Which tools words describe: BM25 over names, descriptions and parameters. Any thread."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

WEIGHTS = (("name", 6), ("aliases", 4), ("category", 2), ("description", 3), ("parameters", 1))
K, B = 1.2, 0.75  # BM25's usual constants


def ranked(query: str, told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries that match, the best first, each with its ``score``."""
    entries = list(told)
    documents = [_words(one) for one in entries]
    wanted = [_stem(word) for word in re.findall(r"\w+", query.lower())]
    mean = sum(document.total() for document in documents) / max(len(documents), 1)
    scored = []
    for one, document in zip(entries, documents, strict=True):
        score = sum(_score(word, document, documents, mean) for word in wanted)
        if score > 0:
            scored.append({**one, "score": round(score, 3)})
    return sorted(scored, key=lambda one: (-one["score"], one["name"]))


def _score(word: str, document: Counter[str], documents: list[Counter[str]], mean: float) -> float:
    count = sum(n for known, n in document.items() if known == word or (len(word) > 2 and known.startswith(word)))
    if not count:
        return 0
    having = sum(any(known.startswith(word) for known in one) for one in documents)
    rarity = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
    return rarity * count * (K + 1) / (count + K * (1 - B + B * document.total() / mean))


def _words(told: Mapping[str, Any]) -> Counter[str]:
    properties = told["schema"]["properties"]
    texts = {
        "name": told["name"], "aliases": " ".join(told.get("aliases", ())), "category": told["category"],
        "description": told["description"],
        "parameters": " ".join(
            " ".join([name, schema.get("description", ""), *map(str, schema.get("enum", ()))])
            for name, schema in properties.items()
        ),
    }  # fmt: skip
    found: Counter[str] = Counter()
    for part, weight in WEIGHTS:
        for word in re.findall(r"[^\W_]+", texts[part].lower()):
            found[_stem(word)] += weight
    return found


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word

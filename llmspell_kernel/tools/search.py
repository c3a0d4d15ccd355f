"""Which tools words describe: BM25 over names, descriptions and parameters. Any thread."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

WEIGHTS = (("name", 6), ("aliases", 4), ("category", 2), ("description", 3), ("parameters", 1))
K, B = 1.2, 0.75  # BM25's usual constants


Document = tuple[tuple[Any, ...], Counter[str]]  # what it was made of, its words


class Index:
    """Remembers the words of tools: they are read again where a tool has become another one."""

    def __init__(self) -> None:
        self._known: dict[str, Document] = {}

    def ranked(self, query: str, told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The entries that match, the best first, each with its ``score``."""
        entries = list(told)
        documents = [self._document(one) for one in entries]
        scores = [0.0] * len(entries)
        for word in re.findall(r"\w+", query.lower()):
            for at, score in _scores(_stem(word), documents):
                scores[at] += score
        found = [{**one, "score": round(score, 3)} for one, score in zip(entries, scores, strict=True) if score > 0]
        return sorted(found, key=lambda one: (-one["score"], one["name"]))

    def _document(self, told: Mapping[str, Any]) -> Counter[str]:
        source = told["schema"], told["description"], told["category"], told.get("aliases", ())
        known = self._known.get(told["name"])
        if known is None or known[0] != source:
            known = self._known[told["name"]] = source, _words(told)
        return known[1]


def _scores(word: str, documents: list[Counter[str]]) -> Iterator[tuple[int, float]]:
    """BM25 of one word: which documents have it, and how much that is worth."""
    begins = [[n for known, n in one.items() if known.startswith(word)] for one in documents]
    having = sum(map(bool, begins))
    if not having:
        return
    rarity = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
    mean = sum(one.total() for one in documents) / len(documents)
    for at, one in enumerate(documents):
        count = sum(begins[at]) if len(word) > 2 else one.get(word, 0)
        if count:
            yield at, rarity * count * (K + 1) / (count + K * (1 - B + B * one.total() / mean))


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

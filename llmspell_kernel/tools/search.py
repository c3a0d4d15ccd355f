"""Which tools words describe: BM25 over names, descriptions, parameters and what the examples show. Any thread.

People ask in their own words: those that say nothing are left out, and a word counts as the best of those that mean the
same (`MEANT`).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

WEIGHTS = (("name", 6), ("aliases", 4), ("category", 2), ("description", 3), ("parameters", 1), ("examples", 1))
IDLE = {
    "a", "against", "an", "and", "any", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "get",
    "give", "have", "how", "i", "if", "in", "into", "is", "it", "me", "my", "need", "of", "on", "or", "some", "that",
    "the", "there", "this", "to", "up", "use", "want", "what", "when", "where", "which", "who", "with",
}  # fmt: skip
# By how they begin, as `_stem` leaves them.
MEANT = {
    "unzip": ("unpack", "zip"), "untar": ("unpack", "tar"), "compres": ("archive", "zip"), "grep": ("regular",),
    "find": ("search",), "math": ("arithmetic",), "maths": ("arithmetic",), "comput": ("calculator",),
    "checksum": ("hash",), "digest": ("hash",), "google": ("search", "web"), "bing": ("search", "web"),
    "internet": ("web",), "slack": ("webhook",), "notification": ("webhook", "email"), "notify": ("webhook", "email"),
    "picture": ("image",), "photo": ("image",), "sound": ("audio",), "music": ("audio",), "movie": ("video",),
    "film": ("video",), "server": ("service",), "ping": ("service", "reach"), "reachable": ("service",),
    "check": ("validate",), "verify": ("validate",), "parse": ("analyzer",), "split": ("apart",),
    "changed": ("compare", "monitor"), "difference": ("diff",), "command": ("program",), "shell": ("program",),
    "bash": ("program",), "subproces": ("program",), "mail": ("email",), "spreadsheet": ("csv",), "excel": ("csv",),
    "table": ("csv",), "postgr": ("database",), "directory": ("folder",), "directori": ("folder",), "clock": ("time",),
    "calendar": ("date",), "ram": ("memory",), "reference": ("citation",), "quote": ("citation",),
    "bibliography": ("citation",), "guid": ("uuid",), "random": ("uuid",), "website": ("site", "web"),
    "link": ("url",), "rest": ("http",), "curl": ("http",), "wget": ("http",), "fetch": ("http",),
    "download": ("http", "web"), "encrypt": ("hash",), "charset": ("encod",), "regexp": ("regular",),
    "regex": ("regular",), "render": ("template",), "network": ("graph", "http"), "node": ("graph",),
}  # fmt: skip
K, B = 1.2, 0.75  # BM25's usual constants


MOST_WORDS = 1000  # whose scores are kept
Document = Counter[str]  # the words of a tool
Scores = dict[str, list[float]]  # by word, of each document


class Index:
    """Remembers the words of tools: they are read again where a tool has become another one."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[Any, ...], Document]] = {}  # what it was made of, too
        self._kept: tuple[list[Document], Scores] = [], {}  # documents, and what words are worth in them

    def ranked(self, query: str, told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The entries that match, the best first, each with its ``score``."""
        entries = list(told)
        documents = [self._document(one) for one in entries]
        scored = self._scores_of(documents)
        scores = [0.0] * len(entries)
        for word in _asked(query):
            for at, best in enumerate(
                map(max, zip(*(_score(one, documents, scored) for one in _alike(word)), strict=True))
            ):
                scores[at] += best
        found = [{**one, "score": round(score, 3)} for one, score in zip(entries, scores, strict=True) if score > 0]
        return sorted(found, key=lambda one: (-one["score"], one["name"]))

    def _scores_of(self, documents: list[Document]) -> Scores:
        """Kept while the tools are the same ones."""
        before, scored = self._kept
        if len(scored) > MOST_WORDS or [*map(id, before)] != [*map(id, documents)]:
            scored = {}
            self._kept = documents, scored
        return scored

    def _document(self, told: Mapping[str, Any]) -> Document:
        source = told["schema"], told["description"], told["category"], told.get("aliases", ())
        known = self._known.get(told["name"])
        if known is None or known[0] != source:
            known = self._known[told["name"]] = source, _words(told)
        return known[1]


def _alike(word: str) -> list[str]:
    return [word, *MEANT.get(word, ())]


def _score(word: str, documents: list[Document], scored: Scores) -> list[float]:
    found = scored.get(word)
    if found is None:
        worth = dict(_scores(word, documents))
        found = scored[word] = [worth.get(at, 0.0) for at in range(len(documents))]
    return found


def _scores(word: str, documents: list[Document]) -> Iterator[tuple[int, float]]:
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
        "description": told["description"], "examples": " ".join(one["title"] for one in told.get("examples", ())),
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


def _asked(query: str) -> list[str]:
    words = re.findall(r"\w+", query.lower())
    return [_stem(word) for word in words if word not in IDLE] or [_stem(word) for word in words]


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word

"""The names of the built-in tools: where each lives, and what else it is called. Any thread.

The one table of aliases; docs/tools.md lists it. Imports nothing: naming a tool costs nothing.
"""

from __future__ import annotations

BUILTIN = "llmspell_kernel.tools.builtin."
MODULES: dict[str, str] = {  # tool → module in builtin/; the function has the tool's name, with _ for -
    "audio-processor": "audio_processor",
    "calculator": "calculator",
    "database-connector": "database_connector",
    "datetime-handler": "datetime_handler",
    "file-operations": "file_operations",
    "hash-calculator": "hash_calculator",
    "http-requester": "http_requester",
    "image-processor": "image_processor",
    "json-processor": "json_processor",
    "pdf-processor": "pdf_processor",
    "text-manipulator": "text_manipulator",
    "video-processor": "video_processor",
}
ALIASES: dict[str, str] = {  # besides _ for -
    "date-time-handler": "datetime-handler",
    "data-validation": "data-validator",
    "http-request": "http-requester",
    "web-search": "web-searcher",
}


def canonical(name: str) -> str:
    """``json_processor`` and ``http_request`` as the registry calls them."""
    name = name.replace("_", "-")
    return ALIASES.get(name, name)

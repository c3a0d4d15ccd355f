"""The names of the built-in tools: where each lives, and what else it is called. Any thread.

The one table of aliases; docs/builtin-tools.md lists it. Imports nothing: naming a tool costs nothing.
"""

from __future__ import annotations

BUILTIN = "llmspell_kernel.tools.builtin."
MODULES: dict[str, str] = {  # tool → module in builtin/; the function has the tool's name, with _ for -
    "api-tester": "api_tester",
    "archive-handler": "archive_handler",
    "audio-processor": "audio_processor",
    "base64-encoder": "base64_encoder",
    "calculator": "calculator",
    "citation-formatter": "citation_formatter",
    "csv-analyzer": "csv_analyzer",
    "data-validator": "data_validator",
    "database-connector": "database_connector",
    "datetime-handler": "datetime_handler",
    "diff-calculator": "diff_calculator",
    "email-sender": "email_sender",
    "environment-reader": "environment_reader",
    "file-converter": "file_converter",
    "file-operations": "file_operations",
    "file-search": "file_search",
    "file-watcher": "file_watcher",
    "graph-builder": "graph_builder",
    "graphql-query": "graphql_query",
    "hash-calculator": "hash_calculator",
    "http-requester": "http_requester",
    "image-processor": "image_processor",
    "json-processor": "json_processor",
    "pdf-processor": "pdf_processor",
    "process-executor": "process_executor",
    "service-checker": "service_checker",
    "sitemap-crawler": "sitemap_crawler",
    "system-monitor": "system_monitor",
    "template-engine": "template_engine",
    "text-manipulator": "text_manipulator",
    "url-analyzer": "url_analyzer",
    "uuid-generator": "uuid_generator",
    "video-processor": "video_processor",
    "web-scraper": "web_scraper",
    "web-searcher": "web_searcher",
    "webhook-caller": "webhook_caller",
    "webpage-monitor": "webpage_monitor",
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

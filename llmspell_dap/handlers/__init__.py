"""One file per family of requests; importing the package registers them all."""

from llmspell_dap.handlers import breakpoints, control, inspection, lifecycle, sources

__all__ = ["breakpoints", "control", "inspection", "lifecycle", "sources"]

"""llmspell runs Lua scripts that call Python tools, and lets people debug them."""

__version__ = "0.1.0"

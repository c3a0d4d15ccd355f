"""What pyproject.toml can't say yet: a library in C that may be missing. Without a compiler the installation goes on."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("llmspell_kernel.lua._hook", ["llmspell_kernel/lua/_hook.c"], optional=True)])

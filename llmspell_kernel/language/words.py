"""How tools and definitions are told to people, in Markdown. Pure; any thread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from llmspell_kernel.language.annotations import plain
from llmspell_kernel.language.api import Definition
from llmspell_kernel.language.tools import Info, Parameter


def lua(code: str) -> str:
    return f"```lua\n{code}\n```"


def tool_text(info: Info) -> str:
    """A tool: what it does, what it takes, how it is called."""
    about = f"*tool · {info.category}{f' · {info.level}' if info.level else ''}*"
    parts = [lua(tool_signature(info)), info.description, about]
    listed = [parameter_line(one) for one in info.parameters()]
    if listed:
        parts.append("\n".join(listed))
    examples = [call_text(info.name, one["parameters"]) for one in info.examples[:2]]
    if examples:
        parts.append("Example:\n" + lua("\n".join(examples)))
    return "\n\n".join(parts)


def tool_signature(info: Info) -> str:
    return f"{info.name} {{ {', '.join(parameter_label(one) for one in info.parameters() if not one.same_as)} }}"


def parameter_label(parameter: Parameter) -> str:
    return f"{parameter.name}{'' if parameter.required else '?'}: {parameter.type}"


def parameter_line(parameter: Parameter) -> str:
    needed = " (needed)" if parameter.required else ""
    default = f" Default: `{value_text(parameter.schema['default'])}`." if "default" in parameter.schema else ""
    return f"- `{parameter.name}`: `{parameter.type}`{needed} {parameter.doc}{default}".rstrip()


def parameter_text(parameter: Parameter, tool: str) -> str:
    return f"{lua(parameter_label(parameter))}\n\n{parameter_line(parameter)}\n\n*parameter of {tool}*"


def definition_text(definition: Definition) -> str:
    doc = definition.doc
    listed = [f"- `{one}` {one.doc}".rstrip() for one in definition.parameters if one.doc]
    return "\n\n".join([lua(definition.signature()), *filter(None, [plain(doc.text), "\n".join(listed)])])


def call_text(name: str, parameters: Mapping[str, Any]) -> str:
    return f'Tool.get("{name}"):execute({value_text(parameters)})'


def value_text(value: Any) -> str:
    """A value as Lua writes it."""
    if value is None:
        return "nil"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {value_text(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "{ " + ", ".join(map(value_text, value)) + " }" if value else "{}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else str(value)


def _key(name: Any) -> str:
    text = str(name)
    return text if text.isidentifier() and text.isascii() else f"[{value_text(text)}]"

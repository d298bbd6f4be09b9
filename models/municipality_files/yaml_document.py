"""YAML as people write it by hand, with the line of everything in it.

Only what data files need is read: mappings with text keys, lists, and plain values. Anchors, aliases and tags
are refused (an alias may unfold into gigabytes), and so are deep nesting and large files. Bare values are
read as YAML 1.2 does: `true`, `false`, `null`, numbers; everything else is text, `oui`, `no` and `2026-11-23`
included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from core.i18n import Text
from models.mistakes import Path

LARGEST_FILE_BYTES = 500_000
DEEPEST = 20

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_FLOAT = re.compile(r"-?(?:0|[1-9]\d*)\.\d+(?:[eE][-+]?\d{1,2})?", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class LineMistake:
    line: int
    text: Text


@dataclass(slots=True)
class Document:
    """`value` is what JSON can hold. It is None where the file could not be read at all: then `mistakes` says
    why.
    """

    value: Any = None
    mistakes: list[LineMistake] = field(default_factory=list)
    lines: dict[Path, int] = field(default_factory=dict)

    @classmethod
    def unread(cls, text: Text, line: int = 1) -> Document:
        return cls(mistakes=[LineMistake(line, text)])

    def line_of(self, path: Path) -> int:
        """The line, from 1, of what stands at `path`, or of the nearest thing around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(content: bytes) -> Document:
    if len(content) > LARGEST_FILE_BYTES:
        limit = LARGEST_FILE_BYTES // 1000
        return Document.unread(
            Text(
                fr=f"Ce fichier est trop grand : {limit} Ko au plus.",
                en=f"This file is too large: at most {limit} kB.",
            )
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Document.unread(
            Text(fr="Ce fichier n’est pas en UTF-8.", en="This file is not in UTF-8."), line
        )
    document = Document()
    try:
        document.mistakes.extend(_refused_constructs(text))
        root = None if document.mistakes else yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        return _unreadable(error)
    if root is not None:
        document.value = _value(root, (), document)
    return document


def _refused_constructs(text: str) -> Iterator[LineMistake]:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            yield LineMistake(
                line,
                Text(
                    fr="Les ancres (&) et les renvois (*) ne sont pas admis : répétez le texte.",
                    en="Anchors (&) and aliases (*) are not allowed: repeat the text.",
                ),
            )
        elif getattr(event, "tag", None) is not None:
            yield LineMistake(
                line,
                Text(
                    fr="Les étiquettes (!) ne sont pas admises : mettez le texte entre guillemets.",
                    en="Tags (!) are not allowed: put the text in quotes.",
                ),
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            yield LineMistake(line, Text(fr="Imbrication trop profonde.", en="Nested too deeply."))
            return


def _unreadable(error: yaml.YAMLError) -> Document:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = 1 if mark is None else mark.line + 1
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "?"
    text = Text(
        fr=f"Ce fichier n’est pas du YAML lisible ({reason}).",
        en=f"This file is not readable YAML ({reason}).",
    )
    return Document.unread(text, line)


def _value(node: yaml.Node, path: Path, document: Document) -> Any:
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*path, position), document) for position, each in enumerate(node.value)]
    return _mapping(node, path, document)


def _mapping(node: yaml.Node, path: Path, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.mistakes.append(
                LineMistake(line, Text(fr="Une clé doit être un texte.", en="A key has to be a text."))
            )
            continue
        key = str(key_node.value)
        if key in result:
            document.mistakes.append(
                LineMistake(
                    line,
                    Text(
                        fr=f"« {key} » figure déjà plus haut dans le même ensemble.",
                        en=f"“{key}” already stands further up in the same set.",
                    ),
                )
            )
            continue
        document.lines[(*path, key)] = line
        result[key] = _value(value_node, (*path, key), document)
    return result


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style:  # quoted or a block; bare values have none
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text

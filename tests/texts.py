"""The English texts of the program by file: templates, Python strings, commands, documents."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from tests.server import ROOT

TAG = re.compile(r'<(?:[^<>"]|"[^"]*")*>')
PLACEHOLDER = re.compile(r"\{\{.*?\}\}|%\(\w+\)s|\{[^{}]*\}")


def files_with_texts() -> list[str]:
    """Return the names of the files that have texts: templates, modules and documents."""
    paths = [*ROOT.glob("templates/**/*.*"), *ROOT.glob("wizard/**/*.py"), *ROOT.glob("tools/*.py")]
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/README.md")]
    return [
        path.relative_to(ROOT).as_posix()
        for path in sorted([*paths, *documents])
        if "migrations" not in path.parts and "node_modules" not in path.parts
    ]


@cache
def texts_of(name: str) -> list[str]:
    """Return the texts of a file."""
    templates = dict.fromkeys((".html", ".svg", ".txt"), template_texts)
    readers = templates | {".py": python_texts}
    path = ROOT / name
    return readers.get(path.suffix, document_texts)(path.read_text(encoding="utf-8"))


def clean(text: str) -> str:
    """Return a text in one line, without tags, and with X for each placeholder."""
    return " ".join(PLACEHOLDER.sub("X", TAG.sub(" ", text)).split())


def template_texts(source: str) -> list[str]:
    """Return what a template says: translated blocks, strings with a space, and plain text."""
    source = re.sub(r"\{#.*?#\}|<svg.*?</svg>", "", source, flags=re.S)
    blocks = re.findall(r"\{% trans\b[^%]*%\}(.*?)\{% endtrans %\}", source, re.S)
    strings = re.findall(r'"([^"{}<>]* [^"{}<>]*)"', source)
    rest = re.sub(r"\{% trans.*?endtrans %\}", "", source, flags=re.S)
    plain = re.split(r"\{[%{].*?[%}]\}|\n", rest)
    return [text for each in (*blocks, *strings, *plain) if " " in (text := clean(each))]


def python_texts(source: str) -> list[str]:
    """Return the strings of a module that have a space, and the help of its commands."""
    return [text for each in _strings(ast.parse(source)) if " " in (text := clean(each))]


def _strings(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Expr(ast.Constant(str())):  # a docstring
            return
        case ast.Constant(str() as text):
            yield text
        case ast.JoinedStr():
            parts = (getattr(part, "value", "") for part in node.values)
            yield "".join(part if isinstance(part, str) else "X" for part in parts)
        case _:
            if isinstance(node, ast.FunctionDef) and any(map(_makes_command, node.decorator_list)):
                yield ast.get_docstring(node) or ""
            for child in ast.iter_child_nodes(node):
                yield from _strings(child)


def _makes_command(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", "") == "command"


def document_texts(source: str) -> list[str]:
    """Return the paragraphs, list items and table cells of a document, with X for code."""
    source = re.sub(r"^```.*?^```|^(?: {4}|\t).+?$", "", source, flags=re.M | re.S)
    source = re.sub(r"`[^`]*`", "X", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", source))
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.) )| \| |\|\n", source)
    return [text for block in blocks if " " in (text := clean(block))]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    return re.split(r"(?<=[.?!:;])[”\"*)]*\s+", text)


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return re.findall(r"[^\W_][\w’'-]*", text)

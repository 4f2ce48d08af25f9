"""The rules of the layout, each a pure function from source text to the sentences that say what breaks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

OURS = {"app", "server", "web", "pages", "components", "data", "models", "tests"}

# Packages that only some layers may touch; any other package (pandas, the standard library …) is free.
GUARDED = {
    "streamlit",
    "plotly",
    "duckdb",
    "sqlalchemy",
    "alembic",
    "psycopg",
    "sklearn",
    "scipy",
    "adbc_driver_postgresql",
}

# Layer -> the dotted names, with all below them, that it may import out of OURS and GUARDED.
MAY_IMPORT = {
    "app": {"components", "data", "models", "streamlit"},
    "server": {"components", "data", "models", "streamlit", "web"},
    "web": {"web", "data", "streamlit"},
    "pages": {"components", "models", "data.catalog", "data.question", "data.rights", "streamlit"},
    "components": {"components", "data", "streamlit", "plotly"},
    "models": {"models", "sklearn", "scipy"},
    "data": {"data", "duckdb", "sqlalchemy", "alembic", "adbc_driver_postgresql"},
}

# The only file and folder of a layer that may import more: the command line, and the build's learners.
EXCEPTIONS = {"data/__main__.py": {"models"}, "data/learners": {"models"}}

MOST_LINES, MOST_PAGE_LINES = 300, 60

# Statements, not words: "Select a customer from the list" is a sentence a page may say only without the list.
SQL = re.compile(
    r"\bselect\b.+\bfrom\b|\b(group|order|partition)\s+by\b|\bwhere\b.*[=<>]|\bjoin\b.+\b(on|using)\b"
    r"|\binsert\s+into\b|\bdelete\s+from\b|\bupdate\b.+\bset\b|\b(sum|count|avg|min|max)\s*\(",
    re.IGNORECASE | re.DOTALL,
)
UNFINISHED = re.compile(r"\b(TO[D]O|FIX[M]E|X[X]X)\b")  # brackets, so that this line is not one


def layer_of(path: str) -> str:
    """`pages` of `pages/value/customer_roi.py`, `app` of `app.py`."""
    return path.split("/")[0].removesuffix(".py")


def imported(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import, wherever it stands; `from data import catalog` is `data.catalog`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.split("/")[: -node.level] if node.level else []
            module = ".".join([*package, *filter(None, [node.module])])
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("__import__", "importlib.import_module"):
            name = node.args[0] if node.args else None
            yield node.lineno, name.value if isinstance(name, ast.Constant) else "a name worked out at run time"


def foreign_imports(path: str, source: str) -> list[str]:
    """Imports that the file's layer may not have."""
    allowed = MAY_IMPORT[layer_of(path)] | EXCEPTIONS.get(path, EXCEPTIONS.get(path.rsplit("/", 1)[0], set()))
    return [
        f"{path}:{line} imports {name}"
        for line, name in imported(path, source)
        if (name.split(".")[0] in OURS | GUARDED or " " in name)
        and not any(name == good or name.startswith(good + ".") for good in allowed)
    ]


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of every string, docstrings left out, `f"{a} by {b}"` put together as `? by ?`."""
    tree = ast.parse(source)
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    str(getattr(part, "value", "?")) if isinstance(part, ast.Constant) else "?" for part in node.values
                ),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare | parts:
            yield node.lineno, node.value


def sql_texts(path: str, source: str) -> list[str]:
    """Strings that read like SQL."""
    return [f"{path}:{line} looks like SQL: {text!r}" for line, text in texts(source) if SQL.search(text)]


def names_used(path: str, source: str, forbidden: set[str]) -> list[str]:
    """Places that use one of these names: as an attribute, a variable, an argument or an import."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for field in ("attr", "id", "arg", "name"):
            if getattr(node, field, None) in forbidden:
                found.append(f"{path}:{getattr(node, 'lineno', 1)} uses {getattr(node, field)}")
    return found


def too_long(path: str, source: str, most: int) -> list[str]:
    """The file, when it has more lines than that."""
    lines = len(source.splitlines())
    return [f"{path} has {lines} lines, more than {most}"] if lines > most else []


def without_docstring(path: str, source: str) -> list[str]:
    """The file, and its public functions and classes, that do not say what they are."""
    tree = ast.parse(source)
    missing = [] if ast.get_docstring(tree) else [f"{path} has no docstring"]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            missing += [] if ast.get_docstring(node) else [f"{path}:{node.lineno} {node.name} has no docstring"]
    return missing


def unfinished(path: str, text: str) -> list[str]:
    """Lines that promise work instead of doing it."""
    return [
        f"{path}:{number} {line.strip()}" for number, line in enumerate(text.splitlines(), 1) if UNFINISHED.search(line)
    ]


def without_contract(path: str, sql: str) -> list[str]:
    """What is missing of a table's contract: `-- table: sentence` on top, then a `-- grain:`."""
    table = path.split("/")[-1].removesuffix(".sql")
    missing = []
    if not re.match(rf"-- {re.escape(table)}: \S", sql):
        missing.append(f"{path} does not begin with `-- {table}: ` and a sentence")
    if not re.search(r"^-- grain: \S", sql, re.MULTILINE):
        missing.append(f"{path} has no `-- grain:` line")
    return missing


def contents(source: str) -> list[tuple[str, str]]:
    """File and title of every page in app.py's CONTENTS, in order; files as `value/customer_roi`."""
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "CONTENTS" and isinstance(node.value, ast.Dict):
            rows = [row for section in node.value.values for row in section.elts]
            first_two = [[cell.value for cell in row.elts[:2]] for row in rows]
            return [(file.removeprefix("pages/").removesuffix(".py"), title) for file, title in first_two]
    return []


def unlisted(listed: list[str], files: list[str]) -> list[str]:
    """Page files that CONTENTS does not name, and entries of CONTENTS that have no file."""
    listed_files = {f"pages/{file}.py" for file in listed}
    return sorted(f"{path} is in only one of CONTENTS and pages/" for path in listed_files ^ set(files))


def flat_pages(files: list[str]) -> list[str]:
    """Page files directly in pages/: Streamlit would serve them by themselves, without app.py and its sign-in."""
    return [path for path in files if path.count("/") == 1 and not path.endswith("/__init__.py")]

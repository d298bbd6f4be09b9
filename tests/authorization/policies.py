"""The policies, found in the code that is running, and ways to take one of them away while it runs.

    a condition       of a statement that says whose a row is, or whether it is out yet: holds for all rows
    a visibility      that a statement is restricted by: restricts nothing; and each one of models/visibility.py shows
                      nothing, too
    a guard           that asks who calls, or whose it is, before it refuses: never refuses
    a requirement     (`require(...)` and its like): is not made
    a case            that holds for some callers or states: holds for all
    a root field      open to some callers: is open to all

They are enumerated from the source (a new one is found by itself), and taken away by giving the function that runs the
code of the changed source, which needs no import and no process of its own.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from models import visibility
from schema.callers import EVERYONE
from schema.fields import ROOT_FIELDS
from tests.stack import ROOT

FILES = (
    "models/visibility.py",
    "models/requests.py",
    "resolvers/*.py",
    "resolvers/reading/*.py",
    "espace/graphql/door.py",
    "espace/files.py",
    "espace/tus/view.py",
)
NOT_FOR_CALLERS = {
    "resolvers/agents.py": "the command line's",
    "resolvers/catalogue.py": "what a process keeps of what is public",
    "resolvers/demonstration.py": "the command line's",
    "resolvers/erasure.py": "the worker's",
    "resolvers/municipality.py": "the command line's",
    "resolvers/scans.py": "the worker's",
    "resolvers/webhook_payloads.py": "the worker's",
    "resolvers/work.py": "the same for everybody",
    "resolvers/mail_limits.py": "how often, not who",
}

NOT_WHO = {
    f"{what}": why
    for why, found in {
        "how many there may be, or are locked, not whose they are": (
            "resolvers/attachments.py _link: condition a.request_id = $1",
            "resolvers/attachments.py _beside: condition a.request_id = $1",
            "resolvers/booking.py count_hold: case isinstance(actor, CitizenActor) never",
            "resolvers/booking.py lock: condition request_id = $1",
            "resolvers/captcha.py create_captcha: condition expires_at > now()",
            "resolvers/captcha_audio.py audio_of_network: condition n.expires_at > now()",
            "resolvers/captcha_audio.py _enqueue: condition expires_at > now()",
            "resolvers/reading/webhooks.py _waiting_events: condition b.request_id = e.request_id",
            "resolvers/second_factors.py _let_nobody_in: condition agent_id = $1",
            "resolvers/uploads.py create_upload: condition {owner.column} = $2",
        ),
        "what a filter keeps of what is visible": (
            "resolvers/desk.py _has_unread: condition u.request_id = {r}.id",
        ),
        "whom a mail goes to, in whose name a message is": (
            "resolvers/attachments.py _tell: case isinstance(actor, AgentActor) never",
            "resolvers/exchanges.py _name_of: case isinstance(actor, AgentActor) never",
            "resolvers/exchanges.py _name_of: case isinstance(actor, PartnerActor) never",
        ),
        "the next free slot, which everybody may know": (
            "resolvers/booking.py _next_free: condition a.request_id = $1",
        ),
        "for the type checker: nobody else comes there": (
            "resolvers/reading/accounts.py session_list: choice isinstance(reading.actor, (CitizenActor, AgentActor))",
        ),
    }.items()
    for what in found
}
"""What is found and decides nothing about who may: by what it decides instead."""

TWICE = {
    "resolvers/policies.py require_own_attachment: requirement require('ADD_ATTACHMENT', actor, request)": (
        "`may_edit_attachment` asks it again; the first says what to do instead"
    ),
    "resolvers/identities.py link_identity: guard credential['account_id'] is None": (
        "`_link` finds no account for the credential, and refuses with the same error"
    ),
}
"""Policies without which nothing goes wrong, since another one does the same: by that one. They are counted, and not
noticed."""

REFUSING_ARMS = (
    "resolvers/policies.py",
    "espace/graphql/door.py",
    "resolvers/file_links.py",
    "resolvers/uploads.py",
)

OWNERSHIP = r"(?:account_id|agent_id|credential_id|request_id|exchange_id|copied_from_id)"
OPERAND = r"(?:\$\d+|ANY\(\{[^{}]*\}\)|\{[^{}]*\}(?:\.\w+)?|\([^()]*\)|'\w+'|\w+(?:\.\w+)?)"
CONDITION = re.compile(
    rf"(?:\{{[^{{}}]*\}}\.|\w+\.)?{OWNERSHIP} (?:=|IS NOT DISTINCT FROM) {OPERAND}"
    r"|\{owner\.column\} = \$\d+|\{column\} = \{(?:statement|reading)\.bind\(owner[^{}]*\}"
    r"|(?:\{[^{}]*\}\.|\w+\.)?(?:status|state) <> 'DRAFT'"
    r"|(?:\{[^{}]*\}\.|\w+\.)?state = 'PARKED'"
    r"|(?:\{[^{}]*\}\.|\w+\.)?id = \{reading\.bind\(actor\.session_id, 'uuid'\)\}"
    r"|(?:\{[^{}]*\}\.|\w+\.)?expires_at > now\(\)"
)
VISIBILITIES = {"_visible", "_still_logged_in"} | {
    name for name, _ in inspect.getmembers(visibility, inspect.isfunction) if not name.startswith("_")
}
REQUIREMENTS = {
    "require",
    "require_own_attachment",
    "require_transition",
    "require_alive",
    "check_forgery",
    "check_origin",
    "sender_of_files",
}
ASKS_WHO = r"isinstance\((?:reading\.)?(?:actor|caller|credentials_actor)\b|actor\.role\b"
ABOUT_CALLERS = re.compile(
    rf"{ASKS_WHO}|\.scopes\b|\baccount_id\b|exists_for|_handles\(|is_owner|_is_for\(|requires_account"
    r"|permitted_actions|may_edit_attachment|owner is None|caller is None|not in possible|CSRF_HEADER|origin"
)
REFUSING = ("raise", "return None", "return []", "return False")
JOIN = re.compile(r"condition (?:\w+\.)?\w+ = \w+\.\w+(?: \(\d+\))?")
"""Two columns of one statement, and nothing of the caller or of what was asked."""

Line = tuple[str, int]
"""Of a file, by its number."""


@dataclass(frozen=True)
class Policy:
    """Where it stands, what it is, and `without` it."""

    file: str
    lines: frozenset[Line]
    """Those that run where it counts."""
    line: int
    what: str
    apply: Callable[[], Callable[[], None]]
    """Takes it away; answers what brings it back."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.what}"

    @property
    def name(self) -> str:
        """As it is known to `NOT_WHO` and `TWICE`: without its line, which changes."""
        return f"{self.file} {self.what}"

    @property
    def is_join(self) -> bool:
        """Whether it is the shape of a statement more than a policy: which rows two tables have in common, where the
        conditions beside it say whose they are. A join counts as a policy where something is noticed without it, since
        there it opens something to somebody; where nothing is, it counts neither as noticed nor as unnoticed."""
        return JOIN.fullmatch(self.what.partition(": ")[2]) is not None

    @contextmanager
    def deleted(self) -> Iterator[None]:
        restore = self.apply()
        try:
            yield
        finally:
            restore()


@cache
def policies() -> tuple[Policy, ...]:
    """All of them, in the order in which they stand."""
    return (*(policy for policy in _found() if policy.name not in NOT_WHO), *_of_root_fields())


def all_found() -> set[str]:
    """The names of all that the files hold, policies or not."""
    return {policy.name for policy in _found()}


@cache
def _found() -> tuple[Policy, ...]:
    found: list[Policy] = []
    for pattern in FILES:
        for path in sorted(ROOT.glob(pattern)):
            name = str(path.relative_to(ROOT))
            if name not in NOT_FOR_CALLERS:
                found += _of_file(name, path)
    return tuple(_told_apart(found))


def _told_apart(found: list[Policy]) -> Iterator[Policy]:
    """The same words can stand in a function twice: the second is named so."""
    times: Counter[str] = Counter()
    for policy in found:
        times[policy.name] += 1
        number = times[policy.name]
        yield policy if number == 1 else dataclasses.replace(policy, what=f"{policy.what} ({number})")


@contextmanager
def watched() -> Iterator[set[Line]]:
    """The lines that policies stand in and that run meanwhile: each statement tells of its own before it runs."""
    ran: set[Line] = set()
    wanted: dict[str, set[int]] = {}
    for policy in policies():
        for file, line in policy.lines:
            wanted.setdefault(file, set()).add(line)
    with ExitStack() as stack:
        for file, lines in wanted.items():
            module = _module(file)
            telling = _Telling(lines).visit(ast.parse((ROOT / file).read_text()))
            module.__dict__[_Telling.NAME] = partial(_tell, ran, file)
            stack.callback(module.__dict__.pop, _Telling.NAME)
            for function in _functions(telling):
                found = lines.intersection(range(function.lineno, (function.end_lineno or 0) + 1))
                if found:
                    stack.callback(_run_instead(module, telling, min(found)))
        yield ran


def _tell(ran: set[Line], file: str, lines: Iterable[int]) -> None:
    ran.update((file, line) for line in lines)


class _Telling(ast.NodeTransformer):
    """Before each statement that has some of these lines to itself, a call that tells of them."""

    NAME = "__ran__"

    def __init__(self, lines: set[int]) -> None:
        self.lines = lines

    def generic_visit(self, node: ast.AST) -> ast.AST:
        bodies = {} if isinstance(node, (ast.Module, ast.ClassDef)) else _bodies(node)
        told = {name: [[*self._call(one), one] for one in body] for name, body in bodies.items()}
        super().generic_visit(node)
        for name, statements in told.items():
            setattr(node, name, [one for some in statements for one in some])
        return node

    def _call(self, statement: ast.stmt) -> list[ast.stmt]:
        own = self.lines.intersection(_span(statement))
        for node in ast.walk(statement):
            if isinstance(node, ast.stmt) and node is not statement:
                own -= set(_span(node))
        if not own:
            return []
        call = ast.parse(f"{self.NAME}({sorted(own)})").body[0]
        for node in ast.walk(call):
            ast.copy_location(node, statement)
        return [call]


def _bodies(node: ast.AST) -> dict[str, list[ast.stmt]]:
    found = {name: getattr(node, name, None) for name in ("body", "orelse", "finalbody")}
    return {name: body for name, body in found.items() if isinstance(body, list)}


def _span(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Those of a module and of its classes."""
    for statement in tree.body:
        for one in (statement, *(statement.body if isinstance(statement, ast.ClassDef) else ())):
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield one


def _module(file: str) -> ModuleType:
    return importlib.import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def _of_file(name: str, path: Path) -> Iterator[Policy]:
    source = path.read_text()
    module = _module(name)
    tree = ast.parse(source)
    strings = _strings(tree, source)
    for found in CONDITION.finditer(source):
        line = source.count("\n", 0, found.start()) + 1
        if any(start <= found.start() < end for start, end in strings):
            changed = f"{source[: found.start()]}({found[0]} OR TRUE){source[found.end() :]}"
            yield _policy(module, name, tree, line, f"condition {found[0]}", partial(ast.parse, changed))
    for node, what, replace in _sites(name, tree):
        yield _policy(module, name, tree, node.lineno, what, partial(_replaced, source, node, replace))


def _strings(tree: ast.AST, source: str) -> list[tuple[int, int]]:
    """Where text that is no docstring stands in a source, by character."""
    lines = [0]
    for line in source.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    docstrings = {
        id(body[0].value)
        for node in ast.walk(tree)
        if isinstance(body := getattr(node, "body", None), list)
        and body
        and isinstance(body[0], ast.Expr)
        and isinstance(body[0].value, ast.Constant)
    }
    return [
        (
            lines[node.lineno - 1] + node.col_offset,
            lines[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0),
        )
        for node in ast.walk(tree)
        if isinstance(node, (ast.Constant, ast.JoinedStr))
        and hasattr(node, "lineno")
        and id(node) not in docstrings
        and (isinstance(node, ast.JoinedStr) or isinstance(node.value, str))
    ]


Replace = Callable[[Any], Any]


def _sites(name: str, tree: ast.AST) -> Iterator[tuple[Any, str, Replace]]:
    """Nodes, what each is, and what takes its place in a copy of the tree."""
    in_policies = name == "resolvers/policies.py"
    refusing = {
        id(arm.pattern)
        for arm in ast.walk(tree)
        if isinstance(arm, ast.match_case)
        and name in REFUSING_ARMS
        # What is no case of a match comes to None as well.
        and ast.unparse(arm.body[0]).startswith(("raise", "return []", "return False"))
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called)) if called in VISIBILITIES:
                yield node, f"visibility {ast.unparse(node)}", lambda call: _or_true(call)
            case ast.Return(value=value) if name == "models/visibility.py" and value is not None:
                if ast.unparse(value) != "'TRUE'":
                    yield node, f"{ast.unparse(node)} for all", lambda kept: ast.Return(_or_true(kept.value))
                if ast.unparse(value) != "'FALSE'":
                    yield (
                        node,
                        f"{ast.unparse(node)} for none",
                        lambda kept: ast.Return(ast.Constant("FALSE")),
                    )
            case ast.If(test=test, body=[first, *_]) if ABOUT_CALLERS.search(
                ast.unparse(test)
            ) and ast.unparse(first).startswith(REFUSING):
                yield node, f"guard {ast.unparse(test)}", _with_test(False)
            case ast.If(test=test, orelse=other) if in_policies or re.search(ASKS_WHO, ast.unparse(test)):
                yield node, f"case {ast.unparse(test)} never", _with_test(False)
                if in_policies or other or ".role" in ast.unparse(test):
                    yield node, f"case {ast.unparse(test)} always", _with_test(True)
            case ast.MatchClass() | ast.MatchOr() if id(node) in refusing:
                yield node, f"case {ast.unparse(node)}", lambda _: ast.MatchValue(ast.Constant("never"))
            case ast.IfExp(test=test) if re.search(ASKS_WHO, ast.unparse(test)) and _restricts(node):
                yield node, f"choice {ast.unparse(test)}", _with_test(True)
            case ast.match_case(guard=guard) if guard is not None and (
                in_policies or ABOUT_CALLERS.search(ast.unparse(guard))
            ):
                yield guard, f"case if {ast.unparse(guard)}", lambda _: ast.Constant(True)
            case ast.Expr(value=ast.Call() | ast.Await() as value) if _called(value) in REQUIREMENTS:
                yield node, f"requirement {ast.unparse(node)}", lambda _: ast.Pass()
            case ast.BoolOp(op=ast.And(), values=values) if in_policies or _is_for_comparison(name, node):
                for number, operand in enumerate(values):
                    if not in_policies and not ABOUT_CALLERS.search(ast.unparse(operand)):
                        continue
                    yield node, f"operand {ast.unparse(operand)}", _without_operand(number)
            case ast.Return(value=ast.Compare() as compared) if name == "resolvers/file_links.py":
                yield node, f"comparison {ast.unparse(compared)}", lambda _: ast.Return(ast.Constant(True))


def _restricts(node: ast.IfExp) -> bool:
    """Whether one side is no restriction, or nothing to read."""
    return any(ast.unparse(side) in ("''", "None", "'NULL'") for side in (node.body, node.orelse))


def _is_for_comparison(name: str, node: ast.BoolOp) -> bool:
    return name.startswith("resolvers/") and bool(
        re.search(r"isinstance\(actor|exists_for", ast.unparse(node))
    )


def _called(value: ast.AST) -> str:
    call = value.value if isinstance(value, ast.Await) else value
    if not isinstance(call, ast.Call):
        return ""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _or_true(expression: ast.expr) -> ast.expr:
    """The same SQL, which holds for every row."""
    return ast.JoinedStr(
        [
            ast.Constant("(("),
            ast.FormattedValue(expression, conversion=-1),
            ast.Constant(") OR TRUE)"),
        ]
    )


def _with_test(value: bool) -> Replace:
    def replace(node: Any) -> Any:
        node.test = ast.Constant(value)
        return node

    return replace


def _without_operand(number: int) -> Replace:
    def replace(node: ast.BoolOp) -> ast.AST:
        node.values[number] = ast.Constant(True)
        return node

    return replace


def _replaced(source: str, node: Any, replace: Replace) -> ast.Module:
    """The source's tree with another node in the place of this one."""

    class Replacing(ast.NodeTransformer):
        def visit(self, visited: ast.AST) -> Any:
            same = type(visited) is type(node) and all(
                getattr(visited, name, None) == getattr(node, name, None)
                for name in ("lineno", "col_offset", "end_lineno", "end_col_offset")
            )
            if same:
                return ast.copy_location(replace(visited), node)
            return self.generic_visit(visited)

    changed: ast.Module = Replacing().visit(ast.parse(source))
    return ast.fix_missing_locations(changed)


def _policy(
    module: ModuleType,
    name: str,
    tree: ast.Module,
    line: int,
    what: str,
    change: Callable[[], ast.Module],
) -> Policy:
    """`change` makes the module's tree without the policy that stands at `line`."""
    constant = _constant(tree, line)
    lines = _users(constant) if constant else frozenset((name, one) for one in _statement(tree, line))
    what = f"{_inside(tree, line)}: {' '.join(what.split())[:160]}"
    return Policy(name, lines, line, what, lambda: _run_instead(module, change(), line))


def _inside(tree: ast.Module, line: int) -> str:
    """The function or constant that a line belongs to."""
    functions = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return functions[-1] if functions else _constant(tree, line) or ""


def _constant(tree: ast.Module, line: int) -> str | None:
    """The name that is given a value there, outside of all functions."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and statement.lineno <= line <= (statement.end_lineno or 0):
            return ast.unparse(statement.targets[0])
    return None


@cache
def _users(constant: str) -> frozenset[Line]:
    """The lines that use a constant, in whatever file."""
    found = set()
    for pattern in FILES:
        for path in ROOT.glob(pattern):
            tree = ast.parse(path.read_text())
            for node in ast.walk(tree):
                used = getattr(node, "id", None) or getattr(node, "attr", None)
                if used == constant and isinstance(getattr(node, "ctx", None), ast.Load):
                    name = str(path.relative_to(ROOT))
                    found |= {(name, line) for line in _statement(tree, node.lineno)}  # type: ignore[attr-defined]
    return frozenset(found)


def _statement(tree: ast.AST, line: int) -> range:
    """The lines of the smallest statement around a line; of one that has a body, its head."""
    best = range(line, line + 1)
    size = 10**9
    for node in ast.walk(tree):
        if isinstance(node, (ast.stmt, ast.match_case)):
            start = getattr(node, "lineno", None) or node.pattern.lineno  # type: ignore[union-attr]
            body = getattr(node, "body", None) or getattr(node, "cases", None)
            first = body[0] if isinstance(body, list) else None
            head = getattr(first, "lineno", None) or getattr(getattr(first, "pattern", None), "lineno", None)
            end = head - 1 if head else getattr(node, "end_lineno", start)
            end = max(start, end or start)
            if start <= line <= end and end - start < size:
                best, size = range(start, end + 1), end - start
    return best


def _run_instead(module: ModuleType, changed: ast.Module, line: int) -> Callable[[], None]:
    """Has the module run its changed source where the change is; answers how to undo that."""
    for statement in changed.body:
        if not statement.lineno <= line <= (statement.end_lineno or 0):
            continue
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return _swap(module.__dict__[statement.name], _code_of(changed, module, statement.name))
        if isinstance(statement, ast.ClassDef):
            for member in statement.body:
                if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)) and member.lineno <= line <= (
                    member.end_lineno or 0
                ):
                    owner = getattr(module, statement.name)
                    code = _code_of(changed, module, statement.name, member.name)
                    return _swap(owner.__dict__[member.name], code)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            scope = dict(module.__dict__)
            exec(compile(ast.Module([statement], []), str(module.__file__), "exec"), scope)  # noqa: S102
            kept = module.__dict__[name]
            setattr(module, name, scope[name])
            return lambda: setattr(module, name, kept)
    raise LookupError(f"{module.__name__}:{line} is in nothing that can be swapped")


def _code_of(changed: ast.Module, module: ModuleType, *names: str) -> CodeType:
    code = compile(changed, str(module.__file__), "exec")
    for name in names:
        code = next(
            constant
            for constant in code.co_consts
            if isinstance(constant, CodeType) and constant.co_name == name
        )
    return code


def _swap(function: Any, code: CodeType) -> Callable[[], None]:
    live = inspect.unwrap(getattr(function, "__func__", function))
    assert isinstance(live, FunctionType)
    kept = live.__code__
    live.__code__ = code

    def restore() -> None:
        live.__code__ = kept

    return restore


def _of_root_fields() -> Iterator[Policy]:
    """Each that is not open to everyone, opened: its callers are a cell of the resolver's closure."""
    for root in ROOT_FIELDS:
        if not root.callers >= EVERYONE:
            resolver = root.field.base_resolver
            assert resolver is not None
            function = resolver.wrapped_func
            assert isinstance(function, FunctionType)
            cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
            yield Policy("schema", frozenset(), 0, f"callers of {root.name}", _opened(cells["callers"]))


def _opened(cell: Any) -> Callable[[], Callable[[], None]]:
    def apply() -> Callable[[], None]:
        kept = cell.cell_contents
        cell.cell_contents = EVERYONE

        def restore() -> None:
            cell.cell_contents = kept

        return restore

    return apply

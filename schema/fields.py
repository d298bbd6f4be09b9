"""The ways to declare a field that is more than a key of a row.

Root fields (`query`, `mutation`, `subscription`) say who may call them and which limits they count against, and enter
themselves in `ROOT_FIELDS`, from which build.py makes the root types. `kept` is a field with arguments whose value a
resolver has fetched already.
"""

import functools
import inspect
import operator
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from inspect import Parameter, getdoc
from typing import Annotated, Any, Literal

import strawberry
from strawberry.types.field import StrawberryField

from core.errors import RefusedError
from core.selection import Selection, argument_key
from resolvers.session_watch import while_logged_in
from schema.callers import Caller, refuse_others
from schema.context import Context
from schema.counting import Counted, count_field, remember_field
from schema.rows import Row
from schema.selection import arguments_of, selection_below

__all__ = [
    "ROOT_FIELDS",
    "Info",
    "RootField",
    "describe_refusal",
    "kept",
    "mutation",
    "query",
    "selection_of",
    "subscription",
]

Info = strawberry.Info[Context, None]
Operation = Literal["query", "mutation", "subscription"]
Resolver = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class RootField:
    """A field of Query, Mutation or Subscription: who may call it, and what it counts against."""

    operation: Operation
    name: str
    callers: AbstractSet[Caller]
    field: StrawberryField
    limits: tuple[Counted, ...] = ()


ROOT_FIELDS: list[RootField] = []


def query(
    type_: Any, *, callers: AbstractSet[Caller], limits: tuple[Counted, ...] = ()
) -> Callable[[Resolver], StrawberryField]:
    """A root field of Query. The function gets `info` and the arguments, and returns the row or rows of `type_`."""
    return functools.partial(_declare, "query", type_, callers, limits, _answer)


def mutation(
    success: Any,
    *,
    refusals: tuple[type, ...] = (),
    callers: AbstractSet[Caller],
    limits: tuple[Counted, ...] = (),
) -> Callable[[Resolver], StrawberryField]:
    """A root field of Mutation, which answers `success` or one of the error types in `refusals`.

    With `XxxSuccess` and refusals its type is the union XxxResult; the function returns the fields of the
    success. A RefusedError of a type that is not among the refusals is a defect.
    """
    if not refusals:
        return functools.partial(_declare, "mutation", success, callers, limits, _answer)
    name = success.__name__.removesuffix("Success")
    members: Any = functools.reduce(operator.or_, refusals, success)
    union = Annotated[members, strawberry.union(f"{name}Result")]
    declared = frozenset(error.__name__ for error in refusals)

    async def answer(resolver: Resolver, info: Info, arguments: dict[str, Any]) -> Row:
        try:
            return {"__typename": success.__name__, **await resolver(info, **arguments)}
        except RefusedError as error:
            if type(error).__name__ not in declared:
                raise RuntimeError(f"{info.field_name} does not declare {type(error).__name__}") from error
            return describe_refusal(error, info.context)

    return functools.partial(_declare, "mutation", union, callers, limits, answer)


def subscription(
    type_: Any, *, callers: AbstractSet[Caller], limits: tuple[Counted, ...] = ()
) -> Callable[[Resolver], StrawberryField]:
    """A root field of Subscription. The function returns the iterator of rows; it is not called for who may not, and
    what it sends ends with the caller's session.
    """
    return functools.partial(_declare, "subscription", type_, callers, limits, _follow)


def kept(type_: Any) -> Callable[[Callable[..., None]], Any]:
    """A field whose value the resolver of the object has fetched for its arguments, and kept under `SelectedField.key`.

    The decorated function is its signature and description; it is never called.
    """

    def declare(signature: Callable[..., None]) -> StrawberryField:
        def resolve(root: Row, info: Info, **_: Any) -> Any:
            return root[argument_key(signature.__name__, arguments_of(info._raw_info))]

        field: StrawberryField = strawberry.field(
            resolver=_with_signature(resolve, signature), graphql_type=type_, description=getdoc(signature)
        )
        return field

    return declare


def selection_of(info: Info, *path: str) -> Selection:
    """What is asked below the current field, or further: `selection_of(info, "request")` of a mutation's request."""
    return functools.reduce(Selection.get, path, selection_below(info._raw_info))


def describe_refusal(error: RefusedError, context: Context) -> Row:
    """The row of an error type: same name and same attributes as the error that was raised."""
    row = {
        **vars(error),
        "__typename": type(error).__name__,
        "code": error.code,
        "message": error.text.in_(context.language),
    }
    if "problems" in row:
        row["fields"] = [
            {"path": problem.path, "message": problem.text.in_(context.language)}
            for problem in row["problems"]
        ]
    return row


async def _answer(resolver: Resolver, info: Info, arguments: dict[str, Any]) -> Any:
    return await resolver(info, **arguments)


async def _follow(resolver: Resolver, info: Info, arguments: dict[str, Any]) -> Any:
    return while_logged_in(info.context.actor, await resolver(info, **arguments))


def _counting(function: Resolver, limits: tuple[Counted, ...]) -> Resolver:
    async def resolve(info: Info, **arguments: Any) -> Any:
        to_remember = await count_field(limits, info.context, arguments)
        result = await function(info, **arguments)
        if result is not None:
            await remember_field(to_remember, info.context, arguments)
        return result

    return resolve


def _declare(
    operation: Operation,
    type_: Any,
    callers: AbstractSet[Caller],
    limits: tuple[Counted, ...],
    answer: Callable[[Resolver, Info, dict[str, Any]], Awaitable[Any]],
    function: Resolver,
) -> StrawberryField:
    async def resolve(root: None, info: Info, **arguments: Any) -> Any:
        refuse_others(info.context.actor, callers)
        arguments_of(info._raw_info)  # Raises for a page out of bounds.
        return await answer(_counting(function, limits) if limits else function, info, arguments)

    make = strawberry.subscription if operation == "subscription" else strawberry.field
    field: StrawberryField = make(
        resolver=_with_signature(resolve, function),
        graphql_type=type_,
        description=_description(function, callers),
    )
    ROOT_FIELDS.append(RootField(operation, function.__name__, callers, field, limits))
    return field


def _description(function: Resolver, callers: AbstractSet[Caller]) -> str:
    told = [getdoc(function) or ""]
    told.append(f"Callers: {', '.join(kind for kind in Caller if kind in callers)}.")
    return "\n\n".join(told)


def _with_signature(resolve: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """`resolve` under the name and with the arguments of `function`, as Strawberry reads them.

    An argument that defaults to None may be left out: callers are not told of a null default.
    """
    own = list(inspect.signature(resolve).parameters.values())[:2]
    arguments = [
        parameter.replace(kind=Parameter.KEYWORD_ONLY, default=_absent_rather_than_null(parameter.default))
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name not in ("self", "info")
    ]
    resolve.__name__ = function.__name__
    resolve.__module__ = function.__module__
    resolve.__signature__ = inspect.Signature([*own, *arguments])  # type: ignore[attr-defined]
    return resolve


def _absent_rather_than_null(default: Any) -> Any:
    return strawberry.UNSET if default is None else default

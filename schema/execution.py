"""From the text of a document to an answer: parsed and validated once, executed as often as it comes.

This goes to graphql-core directly. Strawberry's own `Schema.execute` (0.341) parses and validates inside its
extension hooks at each call, runs a subscription that came over a plain POST, and hands one context to all
operations of a WebSocket; what it adds, extensions and custom directives, this schema does not use.
"""

import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard, cast

import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLFormattedError,
    OperationDefinitionNode,
    execute_root_selection_set,
    parse,
    validate,
)
from graphql.execution import Executor, create_source_event_stream, map_source_to_response_event
from strawberry.execution import optimized_is_awaitable

from core.i18n import Text
from schema.context import Context
from schema.limits import LimitError, Limits, measure
from schema.masking import describe_errors

__all__ = ["Answer", "Engine", "MalformedOperationError", "Operation", "OperationKind", "Stage"]

OperationKind = Literal["query", "mutation", "subscription"]
Stage = Literal["document", "choice", "variables"]

# Faster than graphql-core's own test for the plain values that most fields are.
_is_awaitable = cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)
_ESCAPED_NUL = re.compile(r"\\u(0000|\{0+\})")
_CHOOSE_OPERATION = Text(
    fr="Le document contient plusieurs opérations : indiquez laquelle avec operationName.",
    en="The document holds several operations: say which one with operationName.",
)
_NO_SUCH_OPERATION = Text(
    fr="Le document ne contient pas l’opération demandée.",
    en="The document does not hold the operation asked for.",
)
_UNSTORABLE_CHARACTER = Text(
    fr="Le document contient un caractère qui n’est pas du texte (U+0000).",
    en="The document holds a character that is not text (U+0000).",
)
_TOO_NESTED = Text(
    fr="Le document est trop imbriqué pour être lu.",
    en="The document is nested too deeply to be read.",
)


class MalformedOperationError(Exception):
    """The operation cannot be executed. `stage` says what is to blame: the document (syntax, limits,
    validation), the choice of one of its operations, or the variables.
    """

    def __init__(self, stage: Stage, errors: list[GraphQLError]) -> None:
        super().__init__(stage)
        self.stage = stage
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document that was parsed and found valid. `cost` is what Limits counts as such."""

    document: DocumentNode
    kind: OperationKind
    name: str | None
    cost: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What an execution came to.

    `data` is None where an error reached the root, or where nothing was executed.
    """

    data: dict[str, Any] | None
    errors: list[GraphQLFormattedError] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """OK, or the code of the first error."""
        return str(self.errors[0].get("extensions", {}).get("code")) if self.errors else "OK"

    def payload(self) -> dict[str, Any]:
        """The answer as the protocol writes it."""
        return {"errors": self.errors, "data": self.data} if self.errors else {"data": self.data}


@dataclass(frozen=True, slots=True)
class _Checked:
    document: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    costs: dict[str | None, int]


class Engine:
    """One schema with its limits and its memory of documents.

    `development` allows introspection, suggestions ("Did you mean") and full tracebacks in the log.
    Documents that were found valid are kept, the least recently used ones going first, as long as there are
    at most `cached_documents` of them with `cached_characters` in all (an AST takes some 200 times its
    text).
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        limits: Limits,
        development: bool,
        cached_documents: int = 500,
        cached_characters: int = 500_000,
    ) -> None:
        if schema.extensions or schema.directives:
            raise ValueError(
                "extensions and custom directives of Strawberry are not run: the schema may have none"
            )
        self.limits = limits
        self.development = development
        self._schema = schema._schema  # Strawberry has no public name for its graphql-core schema.
        self._executor_class = schema.execution_context_class
        self._cached_documents = cached_documents
        self._cached_characters = cached_characters
        self._characters = 0
        self._cache: OrderedDict[str, _Checked] = OrderedDict()

    def prepare(self, document: str, operation_name: str | None) -> Operation:
        """The operation to execute.

        Raises MalformedOperationError. A document seen before costs a look-up.
        """
        checked = self._cache.get(document)
        if checked is None:
            checked = self._check(document)
            self._remember(document, checked)
        else:
            self._cache.move_to_end(document)
        if operation_name is None and len(checked.operations) > 1:
            raise MalformedOperationError("choice", [LimitError(_CHOOSE_OPERATION)])
        definition = (
            next(iter(checked.operations.values()), None)
            if operation_name is None
            else checked.operations.get(operation_name)
        )
        if definition is None:
            raise MalformedOperationError("choice", [LimitError(_NO_SUCH_OPERATION)])
        return Operation(
            document=checked.document,
            kind=definition.operation.value,
            name=definition.name.value if definition.name else None,
            cost=checked.costs[definition.name.value if definition.name else None],
        )

    def bind(self, operation: Operation, variables: Mapping[str, Any], context: Context) -> Executor[Context]:
        """The operation with its variables coerced, ready to execute once. Raises MalformedOperationError."""
        executor = self._executor_class.build(
            self._schema,
            operation.document,
            context_value=context,
            raw_variable_values=dict(variables),
            operation_name=operation.name,
            is_awaitable=_is_awaitable,
            hide_suggestions=not self.development,
        )
        if isinstance(executor, list):
            raise MalformedOperationError("variables", executor)
        return executor

    async def execute(self, executor: Executor[Context]) -> Answer:
        """Execute a query or a mutation. Never raises for what a resolver raised."""
        result = execute_root_selection_set(executor)
        if not isinstance(result, ExecutionResult):
            result = await result
        return self._answer(result, executor.context_value)

    async def answers(
        self, operation: Operation, executor: Executor[Context]
    ) -> AsyncGenerator[Answer, None]:
        """The answers of an operation of any kind: one, or those of a subscription. Close the generator."""
        if operation.kind != "subscription":
            yield await self.execute(executor)
            return
        async with aclosing(self.subscribe(executor)) as answers:
            async for answer in answers:
                yield answer

    async def subscribe(self, executor: Executor[Context]) -> AsyncGenerator[Answer, None]:
        """Answer after answer of a subscription. Closing the generator closes the resolver's own."""
        context: Context = executor.context_value
        source = create_source_event_stream(executor)
        if executor.is_awaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            yield self._answer(source, context)
            return
        events = map_source_to_response_event(executor, cast("AsyncIterator[Any]", source))
        try:
            async with aclosing(events):
                async for result in events:
                    yield self._answer(result, context)
        except Exception as error:  # noqa: BLE001 - whatever a resolver's generator raised between two events
            yield self._answer(
                ExecutionResult(None, [GraphQLError(str(error), original_error=error)]), context
            )

    def _answer(self, result: ExecutionResult, context: Context) -> Answer:
        errors = describe_errors(result.errors or (), context.language, verbose=self.development)
        return Answer(result.data, errors)

    def _check(self, text: str) -> _Checked:
        if _holds_nul(text):
            raise MalformedOperationError("document", [LimitError(_UNSTORABLE_CHARACTER)])
        try:
            document = parse(text, max_tokens=self.limits.tokens)
        except GraphQLError as error:
            raise MalformedOperationError("document", [error]) from None
        except RecursionError:
            raise MalformedOperationError("document", [LimitError(_TOO_NESTED)]) from None
        measured = measure(self._schema, document, self.limits)
        errors = measured.excesses
        if not errors:
            errors = validate(self._schema, document, max_errors=20, hide_suggestions=not self.development)
        if errors:
            raise MalformedOperationError("document", errors)
        return _Checked(
            document,
            {
                definition.name.value if definition.name else None: definition
                for definition in document.definitions
                if isinstance(definition, OperationDefinitionNode)
            },
            measured.costs,
        )

    def _remember(self, text: str, checked: _Checked) -> None:
        self._cache[text] = checked
        self._characters += len(text)
        while len(self._cache) > self._cached_documents or self._characters > self._cached_characters:
            forgotten, _ = self._cache.popitem(last=False)
            self._characters -= len(forgotten)


def _holds_nul(text: str) -> bool:
    """PostgreSQL has no U+0000 in text; GraphQL has it as itself or as an escape in a string."""
    return "\0" in text or _ESCAPED_NUL.search(text) is not None

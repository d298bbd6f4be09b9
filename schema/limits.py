"""What one operation may ask for, measured before anything else looks at the document.

The measure is linear in the size of the document: each fragment is weighed once, however often it is
spread, so a document that doubles itself a hundred times costs no more to refuse than its own text.
Strawberry's own limiters (0.341) walk a spread as often as it is written and take seconds for 800 bytes;
graphql-core's validation rules are quadratic in places, which is why nothing runs before this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from core.i18n import Text
from resolvers.reading.pages import PAGE_LIMIT

__all__ = ["LimitError", "Limits", "Measured", "find_excesses", "measure"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one operation may hold. Counts are of the document with its fragments expanded.

    `cost` counts the fields of the largest answer: what is below a connection counts once for each object
    of the page asked for (`first`, `last`), and `page` times where the bound is a variable or missing
    without a default; what is below a plain list counts `list_length` times, or as `_LONG_LISTS` says. A field
    that PostgreSQL counts rows for counts as `counted`. A field takes some 20 µs of Python, so 20,000 are 0.4 s,
    in which the process answers nobody else; the fullest pages of a portal come to a fifth of it.

    `repetitions` bounds what validation compares: a field that appears n times in one selection set counts
    n - 1 times what all its appearances hold.
    """

    tokens: int = 3_000
    fragments: int = 100
    depth: int = 15
    aliases: int = 50
    root_fields: int = 20
    cost: int = 20_000
    repetitions: int = 5_000
    page: int = PAGE_LIMIT
    list_length: int = 5
    counted: int = 10
    introspection: bool = True


class LimitError(GraphQLError):
    """An operation that asks for too much, or for what this server does not tell.

    `text` is its message in both languages.
    """

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


_TOO_MANY_FRAGMENTS = Text(
    fr="Le document contient {found} fragments ; la limite est {limit}.",
    en="The document has {found} fragments; the limit is {limit}.",
)
_TOO_DEEP = Text(
    fr="L’opération est imbriquée sur {found} niveaux ; la limite est {limit}.",
    en="The operation is nested {found} levels deep; the limit is {limit}.",
)
_TOO_MANY_ALIASES = Text(
    fr="L’opération emploie {found} alias ; la limite est {limit}.",
    en="The operation uses {found} aliases; the limit is {limit}.",
)
_TOO_MANY_ROOT_FIELDS = Text(
    fr="L’opération demande {found} champs racines ; la limite est {limit}.",
    en="The operation asks for {found} root fields; the limit is {limit}.",
)
_TOO_COSTLY = Text(
    fr="L’opération coûte {found} ; la limite est {limit}. Demandez des pages plus petites.",
    en="The operation costs {found}; the limit is {limit}. Ask for smaller pages.",
)
_TOO_REPETITIVE = Text(
    fr="L’opération répète trop souvent les mêmes champs ({found} comparaisons ; la limite est {limit}).",
    en="The operation repeats the same fields too often ({found} comparisons; the limit is {limit}).",
)
_NO_INTROSPECTION = Text(
    fr="Ce serveur ne décrit pas son schéma ; lisez la documentation publiée.",
    en="This server does not describe its schema; read the published documentation.",
)
_CEILING = 1_000_000_000  # sums stop here: a document that doubles itself makes numbers of a hundred digits


@dataclass(slots=True)
class _Weight:
    """What a selection set holds.

    `each` is the part of the cost that counts once for each object of the enclosing page. `names` has, for
    each response name of the set itself, how often it appears and how many fields its appearances hold.
    """

    depth: int = 0
    aliases: int = 0
    width: int = 0
    size: int = 0
    cost: int = 0
    each: int = 0
    repetitions: int = 0
    introspects: bool = False
    names: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, other: "_Weight", *, again: bool = False) -> None:
        """Put another set's fields into this one; validation does not compare them with themselves (`again`)."""
        self.depth = max(self.depth, other.depth)
        self.aliases = min(_CEILING, self.aliases + other.aliases)
        self.width = min(_CEILING, self.width + other.width)
        self.size = min(_CEILING, self.size + other.size)
        self.cost = min(_CEILING, self.cost + other.cost)
        self.each = min(_CEILING, self.each + other.each)
        self.repetitions = min(_CEILING, self.repetitions + other.repetitions)
        self.introspects = self.introspects or other.introspects
        if not again:
            for name, (times, size) in other.names.items():
                self.name(name, times, size)

    def name(self, name: str, times: int, size: int) -> None:
        known_times, known_size = self.names.get(name, (0, 0))
        self.names[name] = min(_CEILING, known_times + times), min(_CEILING, known_size + size)

    def compared(self) -> int:
        """What validation compares in this set and below it."""
        own = sum((times - 1) * size for times, size in self.names.values())
        return min(_CEILING, self.repetitions + own)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a document comes to. `costs` has the cost of each operation by its name; nothing where there are excesses
    that keep it from being weighed."""

    excesses: list[GraphQLError]
    costs: dict[str | None, int] = field(default_factory=dict)


def find_excesses(schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """The excesses that `measure` finds."""
    return measure(schema, document, limits).excesses


def measure(schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> Measured:
    """Everything in which the document goes beyond the limits; empty where it may be validated.

    The document need not be valid: unknown fields and fragments weigh what is written below them, and a
    fragment that spreads itself is weighed once (validation refuses it afterwards).
    """
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    if len(fragments) > limits.fragments:
        return Measured(
            [LimitError(_TOO_MANY_FRAGMENTS.format(found=len(fragments), limit=limits.fragments))]
        )
    scale = _Scale(schema, limits)
    for name in _innermost_first(fragments):
        fragment = fragments[name]
        scale.fragments[name] = scale.weigh(
            fragment.selection_set, schema.type_map.get(fragment.type_condition.name.value)
        )
    total = _Weight()
    costs: dict[str | None, int] = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            weight = scale.weigh(definition.selection_set, schema.get_root_type(definition.operation))
            costs[definition.name.value if definition.name else None] = weight.cost
            total.depth = max(total.depth, weight.depth)
            total.aliases = max(total.aliases, weight.aliases)
            total.width = max(total.width, weight.width)
            total.cost = max(total.cost, weight.cost)
            total.repetitions = min(_CEILING, total.repetitions + weight.compared())
            total.introspects = total.introspects or weight.introspects
    measured = (
        (_TOO_DEEP, total.depth, limits.depth),
        (_TOO_MANY_ALIASES, total.aliases, limits.aliases),
        (_TOO_MANY_ROOT_FIELDS, total.width, limits.root_fields),
        (_TOO_COSTLY, total.cost, limits.cost),
        (_TOO_REPETITIVE, total.repetitions, limits.repetitions),
    )
    excesses: list[GraphQLError] = [
        LimitError(text.format(found=found, limit=limit)) for text, found, limit in measured if found > limit
    ]
    if total.introspects and not limits.introspection:
        excesses.append(LimitError(_NO_INTROSPECTION))
    return Measured(excesses, costs)


class _Scale:
    """Weighs selection sets. Recursion goes no deeper than the parser lets one definition nest (200)."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self.schema = schema
        self.limits = limits
        self.fragments: dict[str, _Weight] = {}

    def weigh(self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None) -> _Weight:
        total = _Weight()
        if selections:
            self._add_selections(total, selections, parent, set())
        return total

    def _add_selections(
        self, total: _Weight, selections: SelectionSetNode, parent: GraphQLNamedType | None, spread: set[str]
    ) -> None:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                self._add_field(total, selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                narrowed = self.schema.type_map.get(condition.name.value) if condition else parent
                self._add_selections(total, selection.selection_set, narrowed, spread)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                total.add(self.fragments.get(name, _Weight()), again=name in spread)
                spread.add(name)

    def _add_field(self, total: _Weight, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        total.width += 1
        total.size += 1
        total.aliases += node.alias is not None
        total.depth = max(total.depth, 1)
        if name.startswith("__"):
            # Introspection touches no data and graphql-core limits its depth: it is allowed whole, or not
            # at all.
            total.introspects = total.introspects or name != "__typename"
            total.name(node.alias.value if node.alias else name, 1, 1)
            return
        definition = _fields_of(parent).get(name)
        child = get_named_type(definition.type) if definition else None
        below = self.weigh(node.selection_set, child)
        total.depth = max(total.depth, 1 + below.depth)
        total.aliases += below.aliases
        total.size = min(_CEILING, total.size + below.size)
        total.repetitions = min(_CEILING, total.repetitions + below.compared())
        total.introspects = total.introspects or below.introspects
        total.name(node.alias.value if node.alias else name, 1, 1 + below.size)
        paged = definition is not None and (_is_connection(child) or _is_paged(definition))
        page = self._page(node, definition) if definition and paged else None
        own = _HEAVY.get(f"{parent}.{name}", self.limits.counted if name in _COUNTED else 1)
        cost = own + below.cost + below.each * (0 if page is None else page)
        if definition and is_list_type(get_nullable_type(definition.type)):
            if _is_connection(parent):
                total.each = min(_CEILING, total.each + cost)
                return
            length = _LONG_LISTS.get(f"{parent}.{name}", self.limits.list_length)
            cost *= length if page is None else page
        total.cost = min(_CEILING, total.cost + cost)

    def _page(self, node: FieldNode, definition: GraphQLField) -> int:
        """How many objects a field answers at most: the greater of `first` and `last`, else the default."""
        bounds = [
            self._bound(argument.value)
            for argument in node.arguments or ()
            if argument.name.value in _PAGE_ARGUMENTS
        ]
        if bounds:
            return max(0, *bounds)
        defaults = [
            default
            for name in _PAGE_ARGUMENTS
            if name in definition.args and (default := _default_of(definition.args[name])) is not None
        ]
        return max(0, min(self.limits.page, *defaults)) if defaults else self.limits.page

    def _bound(self, value: ValueNode) -> int:
        # Python refuses to read thousands of digits: that many are left to validation, which refuses them too.
        if isinstance(value, IntValueNode) and len(value.value) <= _MOST_DIGITS:
            return min(int(value.value), self.limits.page)
        return self.limits.page


_PAGE_ARGUMENTS = ("first", "last")
_COUNTED = frozenset({"totalCount", "unreadExchangeCount", "waitingEvents"})
# Pieces are copies of documents, which are used by requests, which hold pieces, and so on.
_LONG_LISTS = {
    "ServiceRequest.attachments": 50,
    "ServiceRequest.permittedAssignees": 50,
    "StoredDocument.usedBy": 20,
    "Exchange.attachments": 10,
}
_BRINGS_A_FILE = 1_900
"""Of a field that has a file checked in a process of its own: ten of them in one operation."""

_HEAVY = dict.fromkeys(
    (
        "Mutation.addAttachment",
        "Mutation.replaceAttachment",
        "Mutation.addStoredDocument",
        "Mutation.updateStoredDocument",
    ),
    _BRINGS_A_FILE,
)
_MOST_DIGITS = 10  # what an Int of GraphQL, 32 bits, may have


def _fields_of(type_: GraphQLNamedType | None) -> dict[str, GraphQLField]:
    return type_.fields if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) else {}


def _is_connection(type_: GraphQLNamedType | None) -> bool:
    return "pageInfo" in _fields_of(type_)


def _default_of(argument: GraphQLArgument) -> int | None:
    """The default of an Int argument:

    Strawberry gives graphql-core a value, an SDL document gives it a literal.
    """
    if argument.default is None:
        return argument.default_value if isinstance(argument.default_value, int) else None
    literal = argument.default.literal
    return int(literal.value) if isinstance(literal, IntValueNode) else None


def _is_paged(definition: GraphQLField) -> bool:
    return any(name in definition.args for name in _PAGE_ARGUMENTS)


def _innermost_first(fragments: dict[str, FragmentDefinitionNode]) -> Iterator[str]:
    """Each fragment after those it spreads, without recursion; one that closes a cycle comes before the
    others of it.
    """
    spreads = {name: _spreads_of(fragment.selection_set) for name, fragment in fragments.items()}
    seen: set[str] = set()
    for root in fragments:
        if root in seen:
            continue
        seen.add(root)
        path = [(root, iter(spreads[root]))]
        while path:
            name, remaining = path[-1]
            unseen = next(
                (spread for spread in remaining if spread in fragments and spread not in seen), None
            )
            if unseen is None:
                yield name
                path.pop()
            else:
                seen.add(unseen)
                path.append((unseen, iter(spreads[unseen])))


def _spreads_of(selections: SelectionSetNode) -> list[str]:
    names = []
    pending = [selections]
    while pending:
        for selection in pending.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                names.append(selection.name.value)
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                pending.append(selection.selection_set)
    return names

"""What one operation may ask for, measured before anything else looks at the document.

The measure is linear in the size of the document: each fragment is weighed once, however often it is
spread, so a document that doubles itself a hundred times costs no more to refuse than its own text.
Strawberry's own limiters (0.341) walk a spread as often as it is written and take seconds for 800 bytes;
graphql-core's validation rules are quadratic in places, which is why nothing runs before this.
"""

from collections.abc import Iterator
from dataclasses import dataclass

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
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from core.i18n import Text

__all__ = ["LimitError", "Limits", "find_excesses"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one operation may hold. Counts are of the document with its fragments expanded.

    `cost` counts the fields of the largest answer: what is below a connection counts once for each object
    of the page asked for (`first`, `last`), and `page` times where the bound is a variable or missing
    without a default; what is below a plain list counts `list_length` times.
    """

    tokens: int = 5_000
    fragments: int = 100
    depth: int = 15
    aliases: int = 50
    root_fields: int = 20
    cost: int = 50_000
    page: int = 100
    list_length: int = 5
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
    fr="L’opération peut rendre {found} champs ; la limite est {limit}. Demandez des pages plus petites.",
    en="The operation may answer {found} fields; the limit is {limit}. Ask for smaller pages.",
)
_NO_INTROSPECTION = Text(
    fr="Ce serveur ne décrit pas son schéma ; lisez la documentation publiée.",
    en="This server does not describe its schema; read the published documentation.",
)
_CEILING = 1_000_000_000  # sums stop here: a document that doubles itself makes numbers of a hundred digits


@dataclass(slots=True)
class _Weight:
    """What a selection set holds.

    `each` is the part that counts once for each object of the enclosing page.
    """

    depth: int = 0
    aliases: int = 0
    width: int = 0
    cost: int = 0
    each: int = 0
    introspects: bool = False

    def add(self, other: "_Weight") -> None:
        self.depth = max(self.depth, other.depth)
        self.aliases = min(_CEILING, self.aliases + other.aliases)
        self.width = min(_CEILING, self.width + other.width)
        self.cost = min(_CEILING, self.cost + other.cost)
        self.each = min(_CEILING, self.each + other.each)
        self.introspects = self.introspects or other.introspects


def find_excesses(schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> list[GraphQLError]:
    """Everything in which the document goes beyond the limits; empty where it may be validated.

    The document need not be valid: unknown fields and fragments weigh what is written below them, and a
    fragment that spreads itself is weighed once (validation refuses it afterwards).
    """
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    if len(fragments) > limits.fragments:
        return [LimitError(_TOO_MANY_FRAGMENTS.format(found=len(fragments), limit=limits.fragments))]
    scale = _Scale(schema, limits)
    for name in _innermost_first(fragments):
        fragment = fragments[name]
        scale.fragments[name] = scale.weigh(
            fragment.selection_set, schema.type_map.get(fragment.type_condition.name.value)
        )
    total = _Weight()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            weight = scale.weigh(definition.selection_set, schema.get_root_type(definition.operation))
            total = _Weight(
                depth=max(total.depth, weight.depth),
                aliases=max(total.aliases, weight.aliases),
                width=max(total.width, weight.width),
                cost=max(total.cost, weight.cost),
                introspects=total.introspects or weight.introspects,
            )
    measured = (
        (_TOO_DEEP, total.depth, limits.depth),
        (_TOO_MANY_ALIASES, total.aliases, limits.aliases),
        (_TOO_MANY_ROOT_FIELDS, total.width, limits.root_fields),
        (_TOO_COSTLY, total.cost, limits.cost),
    )
    excesses: list[GraphQLError] = [
        LimitError(text.format(found=found, limit=limit)) for text, found, limit in measured if found > limit
    ]
    if total.introspects and not limits.introspection:
        excesses.append(LimitError(_NO_INTROSPECTION))
    return excesses


class _Scale:
    """Weighs selection sets. Recursion goes no deeper than the parser lets one definition nest (200)."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self.schema = schema
        self.limits = limits
        self.fragments: dict[str, _Weight] = {}

    def weigh(self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None) -> _Weight:
        total = _Weight()
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                self._add_field(total, selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                narrowed = self.schema.type_map.get(condition.name.value) if condition else parent
                total.add(self.weigh(selection.selection_set, narrowed))
            elif isinstance(selection, FragmentSpreadNode):
                total.add(self.fragments.get(selection.name.value, _Weight()))
        return total

    def _add_field(self, total: _Weight, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        total.width += 1
        total.aliases += node.alias is not None
        total.depth = max(total.depth, 1)
        if name.startswith("__"):
            # Introspection touches no data and graphql-core limits its depth: it is allowed whole, or not
            # at all.
            total.introspects = total.introspects or name != "__typename"
            return
        field = _fields_of(parent).get(name)
        child = get_named_type(field.type) if field else None
        below = self.weigh(node.selection_set, child)
        total.depth = max(total.depth, 1 + below.depth)
        total.aliases += below.aliases
        total.introspects = total.introspects or below.introspects
        page = self._page(node, field) if field and (_is_connection(child) or _is_paged(field)) else None
        cost = 1 + below.cost + below.each * (0 if page is None else page)
        if field and is_list_type(get_nullable_type(field.type)):
            if _is_connection(parent):
                total.each = min(_CEILING, total.each + cost)
                return
            cost *= self.limits.list_length if page is None else page
        total.cost = min(_CEILING, total.cost + cost)

    def _page(self, node: FieldNode, field: GraphQLField) -> int:
        """How many objects a field answers at most: the greater of `first` and `last`, else the default."""
        bounds = [
            min(int(argument.value.value), self.limits.page)
            if isinstance(argument.value, IntValueNode)
            else self.limits.page
            for argument in node.arguments or ()
            if argument.name.value in _PAGE_ARGUMENTS
        ]
        if bounds:
            return max(0, *bounds)
        defaults = [
            default
            for name in _PAGE_ARGUMENTS
            if name in field.args and (default := _default_of(field.args[name])) is not None
        ]
        return max(0, min(self.limits.page, *defaults)) if defaults else self.limits.page


_PAGE_ARGUMENTS = ("first", "last")


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


def _is_paged(field: GraphQLField) -> bool:
    return any(name in field.args for name in _PAGE_ARGUMENTS)


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

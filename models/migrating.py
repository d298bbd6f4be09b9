"""Migrations, without all models being made anew before and after each step of them.

Tortoise keeps what the models looked like at each step as descriptions, and makes classes of all of them, queries
included, twice a step: for an empty database that was nine tenths of the time. Here classes are made of the
descriptions that a step looks at, when it does. Written against tortoise-orm 1.1.9, which is why it is pinned.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.graph import MigrationKey
from tortoise.migrations.schema_generator.state import ModelState, State
from tortoise.migrations.schema_generator.state_apps import StateApps
from tortoise.models import Model

__all__ = ["LateExecutor"]

ModelStates = dict[tuple[str, str], ModelState]


class LateApps(StateApps):
    """The models as one state describes them. Made when first looked at, and as they are from then on."""

    def __init__(self, default_connections: dict[str, str], states: ModelStates) -> None:
        super().__init__(default_connections)
        self._states: ModelStates | None = states

    def of(self, states: ModelStates) -> LateApps:
        """Those that other states describe, or these, where they have been made already."""
        return LateApps(self._default_connections, states)

    @property
    def made(self) -> bool:
        return self._states is None

    @property
    def apps(self) -> dict[str, dict[str, type[Model]]]:
        if self._states is not None:
            states, self._states = self._states, None
            for (label, _), state in states.items():
                self.register_model(label, state.render(self))
            self._init_relations()
        return self._apps

    @apps.setter
    def apps(self, apps: dict[str, dict[str, type[Model]]]) -> None:
        self._apps = apps

    def unregister_model(self, app_label: str, model_name: str) -> None:
        """Nothing: whatever changes a state gives it other models, and these may be an earlier state's."""


class LateState(State):
    """What the models are after some of the operations."""

    apps: LateApps

    def reload_model(self, app_label: str, model_name: str) -> None:
        self.reload_models([(app_label, model_name)])

    def reload_models(self, model_tuples: Iterable[tuple[str, str]]) -> None:  # noqa: ARG002
        self.apps = self.apps.of(self.models)

    def clone(self) -> LateState:
        models = {key: model.clone() for key, model in self.models.items()}
        return LateState(models, self.apps if self.apps.made else self.apps.of(models))


class LateExecutor(MigrationExecutor):
    """Migrates as its parent does, from and to such states."""

    async def _project_state(self, applied: set[MigrationKey], *, upto: MigrationKey | None = None) -> State:
        state = self._nothing()
        async for key in self._replay(state, applied):
            if key == upto:
                break
        return state

    async def _project_state_cache(self, applied: set[MigrationKey]) -> dict[MigrationKey, State]:
        state = self._nothing()
        return {key: state.clone() async for key in self._replay(state, applied)}

    def _nothing(self) -> LateState:
        models: ModelStates = {}
        labels = self.loader.apps_config
        connections = {label: labels[label].get("default_connection", "default") for label in labels}
        return LateState(models, LateApps(connections, models))

    async def _replay(self, state: LateState, applied: set[MigrationKey]) -> AsyncIterator[MigrationKey]:
        """Each migration that was applied, before the state is what it has made of it."""
        for key in self._full_plan():
            if key in applied:
                yield key
                migration = self.loader.graph.nodes[key]
                if migration is None:
                    raise ValueError(f"Missing migration for {key}")
                await migration.apply(state, dry_run=True)

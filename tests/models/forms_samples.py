"""Forms that the tests share."""

from __future__ import annotations

from typing import Any

from models.forms import FormDefinition, read_definition

OPTIONS = [
    {"value": "house", "label": "Maison"},
    {"value": "flat", "label": "Appartement"},
    {"value": "other", "label": "Autre"},
]

EVERY_TYPE: list[dict[str, Any]] = [
    {"key": "home", "type": "choice", "label": "Logement", "required": True, "options": OPTIONS},
    {
        "key": "detail",
        "type": "text",
        "label": "Précisez",
        "required": True,
        "max_length": 20,
        "visible_when": [{"field": "home", "operator": "EQUALS", "values": ["other"]}],
    },
    {"key": "days", "type": "choice", "label": "Jours", "multiple": True, "options": OPTIONS},
    {"key": "story", "type": "text", "label": "Récit", "multiline": True},
    {
        "key": "plate",
        "type": "text",
        "label": "Plaque",
        "max_length": 9,
        "pattern": "[A-Z]{2}-[0-9]{3}-[A-Z]{2}",
    },
    {"key": "people", "type": "number", "label": "Personnes", "integer": True, "minimum": 1, "maximum": 20},
    {"key": "surface", "type": "number", "label": "Surface", "minimum": 0.5},
    {"key": "day", "type": "date", "label": "Jour", "earliest": "2026-01-01", "latest": "2026-12-31"},
    {"key": "urgent", "type": "boolean", "label": "Urgent ?", "required": True},
    {"key": "mail", "type": "email", "label": "Courriel"},
    {"key": "phone", "type": "phone", "label": "Téléphone"},
    {"key": "place", "type": "address", "label": "Adresse"},
    {
        "key": "proof",
        "type": "file",
        "label": "Justificatif",
        "required": True,
        "max_files": 2,
        "visible_when": [{"field": "urgent", "operator": "EQUALS", "values": ["true"]}],
    },
]


def form(*fields: dict[str, Any]) -> FormDefinition:
    """The definition with these fields; a label is added where there is none."""
    definition, mistakes = read_definition(
        {"body": "La démarche.", "fields": [{"label": f["key"].title()} | f for f in fields]}
    )
    assert definition is not None, mistakes
    return definition


def every_type() -> FormDefinition:
    return form(*EVERY_TYPE)

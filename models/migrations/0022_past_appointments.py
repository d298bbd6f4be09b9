"""A request whose appointment has begun may book another; and slots that were closed are found when others are
published.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

UNIQUE = {
    "appointment_one_a_request": "appointment (request_id) WHERE state <> 'CANCELLED' AND NOT past",
}

BEFORE = (
    "CREATE UNIQUE INDEX appointment_one_a_request ON appointment (request_id) WHERE state <> 'CANCELLED'"
)

INDEXES = {
    "slot_closed_index": 'slot USING gist (schedule_id, tstzrange(start, "end")) WHERE closed_at IS NOT NULL',
}

CHECKS = {
    "appointment": {
        "appointment_past": "NOT past OR state = 'CONFIRMED'",
    },
}

FORWARD = [
    *(f"DROP INDEX {name}" for name in UNIQUE),
    *(f"CREATE UNIQUE INDEX {name} ON {columns}" for name, columns in UNIQUE.items()),
    *(f"CREATE INDEX {name} ON {columns}" for name, columns in INDEXES.items()),
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in CHECKS.items()
        for name, rule in rules.items()
    ),
]

BACKWARD = [
    # Of each request the one that was booked last is kept.
    "UPDATE appointment SET state = 'CANCELLED', counts = false, past = false WHERE past",
    *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, rules in CHECKS.items() for name in rules),
    *(f"DROP INDEX {name}" for name in [*INDEXES, *UNIQUE]),
    BEFORE,
]


class Migration(migrations.Migration):
    dependencies = [("models", "0010_captcha_caller")]

    operations = [
        ops.AddField(
            model_name="Appointment",
            name="past",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD)),
    ]

"""What happened to the password of an agent is written down, too."""

from tortoise import migrations
from tortoise.migrations import operations as ops

CHECKS = {
    "security_event": {
        "security_event_kind": (
            "kind IN ('PASSWORD_CHANGED', 'PASSWORD_RESET', 'SECOND_FACTOR_ENABLED', 'SECOND_FACTOR_DISABLED', "
            "'SECOND_FACTOR_RESET', 'RECOVERY_CODES_RENEWED', 'RECOVERY_CODE_USED')"
        ),
    },
}

BEFORE = (
    "kind IN ('SECOND_FACTOR_ENABLED', 'SECOND_FACTOR_DISABLED', 'SECOND_FACTOR_RESET', "
    "'RECOVERY_CODES_RENEWED', 'RECOVERY_CODE_USED')"
)

DROP = "ALTER TABLE security_event DROP CONSTRAINT security_event_kind"

FORWARD = [
    DROP,
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in CHECKS.items()
        for name, rule in rules.items()
    ),
]

BACKWARD = [
    # There was no word for it.
    "DELETE FROM security_event WHERE kind IN ('PASSWORD_CHANGED', 'PASSWORD_RESET')",
    DROP,
    f"ALTER TABLE security_event ADD CONSTRAINT security_event_kind CHECK ({BEFORE})",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0021_procedures_of_the_desk")]

    operations = [ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD))]

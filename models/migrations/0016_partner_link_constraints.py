"""What must never be of links to partner systems, said to the database; and that what goes is ended there, too."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UNIQUE = {
    "partner_system_slug_unique": "partner_system (slug)",
    # One link a system and account. One account of the partner may have several: two parents have one family.
    "partner_link_unique": "partner_link (system_id, account_id)",
    "partner_link_reference_unique": "partner_link (reference)",
}

INDEXES = {
    "partner_link_account_index": "partner_link (account_id)",
    "partner_revocation_system_index": "partner_revocation (system_id)",
    "partner_revocation_due_index": "partner_revocation (next_attempt_at) WHERE next_attempt_at IS NOT NULL",
}

CHECKS = {
    "partner_link": {
        "partner_link_state": "state IN ('ACTIVE', 'EXPIRED', 'REVOKED')",
        # A token that opens nothing any more is not kept.
        "partner_link_token": "(state = 'ACTIVE') = (token_sealed IS NOT NULL)",
    },
}

# Whatever takes a link away (its citizen, other credentials, the erasure of the account), the partner is to know.
END = """
CREATE FUNCTION end_partner_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.reference = NEW.reference THEN
        RETURN NULL;
    END IF;
    INSERT INTO partner_revocation (id, system_id, next_attempt_at, created_at)
    VALUES (OLD.reference, OLD.system_id, now(), now())
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER partner_link_ended AFTER UPDATE OF reference OR DELETE ON partner_link
    FOR EACH ROW EXECUTE FUNCTION end_partner_link();
"""

NO_END = """
DROP TRIGGER partner_link_ended ON partner_link;
DROP FUNCTION end_partner_link();
"""

FORWARD = [
    *(f"CREATE UNIQUE INDEX {name} ON {columns}" for name, columns in UNIQUE.items()),
    *(f"CREATE INDEX {name} ON {columns}" for name, columns in INDEXES.items()),
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in CHECKS.items()
        for name, rule in rules.items()
    ),
]
BACKWARD = [
    *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, rules in CHECKS.items() for name in rules),
    *(f"DROP INDEX {name}" for name in [*INDEXES, *UNIQUE]),
]


class Migration(migrations.Migration):
    dependencies = [("models", "0015_partner_links")]

    operations = [
        ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD)),
        ops.RunSQL(END, reverse_sql=NO_END),
    ]

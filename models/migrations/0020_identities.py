"""Identities, and what must never be of them, said to the database."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields

UNIQUE = {
    "identity_subject_unique": "identity (subject)",
    "identity_one_a_provider": "identity (account_id, issuer)",
    "pending_identity_token_unique": "pending_identity (token_digest)",
    "spent_login_state_unique": "spent_login (state)",
}

INDEXES = {
    "pending_identity_expiry_index": "pending_identity (expires_at)",
    "spent_login_expiry_index": "spent_login (expires_at)",
    "session_identity_index": "session (identity_id)",
}

CHECKS = {
    "credential": {"credential_without_password": "password_hash IS NOT NULL OR account_id IS NOT NULL"},
    "session": {"session_id_token_size": "octet_length(id_token) <= 20000"},
    "pending_identity": {
        "pending_identity_size": "octet_length(person) <= 4000 AND octet_length(id_token) <= 20000"
    },
}

# An account that nobody could log in to is refused when the transaction ends: it has a password, or an identity. The
# lock has those who take away its last two identities at once come one after the other.
WAYS_IN = """
CREATE FUNCTION refuse_an_account_without_a_way_in() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    concerned uuid := CASE WHEN TG_OP = 'DELETE' THEN OLD.account_id ELSE NEW.account_id END;
BEGIN
    PERFORM 1 FROM account WHERE id = concerned FOR NO KEY UPDATE;
    IF EXISTS (SELECT 1 FROM credential WHERE account_id = concerned AND password_hash IS NULL)
        AND NOT EXISTS (SELECT 1 FROM identity WHERE account_id = concerned) THEN
        RAISE EXCEPTION 'the account % would have no way in', concerned
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_way_in';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER identity_way_in AFTER DELETE ON identity
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_an_account_without_a_way_in();

CREATE CONSTRAINT TRIGGER credential_way_in AFTER INSERT OR UPDATE OF password_hash ON credential
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.password_hash IS NULL)
    EXECUTE FUNCTION refuse_an_account_without_a_way_in();
"""

NO_WAYS_IN = """
DROP TRIGGER credential_way_in ON credential;
DROP TRIGGER identity_way_in ON identity;
DROP FUNCTION refuse_an_account_without_a_way_in;
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
    # Who has no password cannot log in without identities: nobody's hash, so that the column can be what it was.
    "UPDATE credential SET password_hash = '!' WHERE password_hash IS NULL",
]


class Migration(migrations.Migration):
    dependencies = [("models", "0019_second_factors")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Identity",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="identities",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("issuer", fields.CharField(max_length=300)),
                ("provider", fields.CharField(max_length=100)),
                ("subject", fields.BinaryField()),
                ("acr", fields.CharField(null=True, max_length=300)),
                ("amr", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("linked_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "identity",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One for each account and provider. `subject` is an HMAC of whom the provider means.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PendingIdentity",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("token_digest", fields.BinaryField()),
                ("issuer", fields.CharField(max_length=300)),
                ("provider", fields.CharField(max_length=100)),
                ("subject", fields.BinaryField()),
                ("acr", fields.CharField(null=True, max_length=300)),
                ("amr", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("person", fields.BinaryField()),
                ("id_token", fields.BinaryField()),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "pending_identity",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Somebody who has logged in there and has no account here yet: single use, bound to a browser by its token.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SpentLogin",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("state", fields.BinaryField()),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "spent_login",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An answer of a provider that was taken: its `state`, as a SHA-256, until it has expired anyway.",
            },
            bases=["Model"],
        ),
        ops.AlterField(
            model_name="Credential",
            name="password_hash",
            field=fields.CharField(null=True, max_length=255),
        ),
        ops.AddField(
            model_name="Session",
            name="id_token",
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name="Session",
            name="identity",
            field=fields.ForeignKeyField(
                "models.Identity",
                source_field="identity_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="sessions",
                on_delete=OnDelete.SET_NULL,
            ),
        ),
        ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD)),
        ops.RunSQL(WAYS_IN, reverse_sql=NO_WAYS_IN),
    ]

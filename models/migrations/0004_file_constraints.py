"""What must never be of files, attachments and storage spaces, said to the database."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UNIQUE = {
    "file_content_unique": "file (sha256)",
    "file_address_unique": "file (address)",
    "file_preview_address_unique": "file (preview_address)",
    # The same piece sent twice, because the answer was lost on the way, is one attachment.
    "attachment_once": "attachment (request_id, file_id, title, added_by, field) NULLS NOT DISTINCT",
    "exchange_attachment_unique": "exchange_attachment (exchange_id, attachment_id)",
    "stored_document_once": "stored_document (account_id, file_id, title, kind, valid_until) NULLS NOT DISTINCT",
    "upload_part_unique": "upload_part (upload_id, start)",
    "upload_part_address_unique": "upload_part (address)",
    "receipt_request_unique": "receipt (request_id)",
}

INDEXES = {
    "file_scan_index": "file (next_scan_at) WHERE next_scan_at IS NOT NULL",
    "file_preview_index": "file (next_preview_at) WHERE next_preview_at IS NOT NULL",
    "file_linked_index": "file (linked_at)",
    "attachment_file_index": "attachment (file_id)",
    "attachment_copied_index": "attachment (copied_from_id) WHERE copied_from_id IS NOT NULL",
    "exchange_attachment_attachment_index": "exchange_attachment (attachment_id)",
    "stored_document_account_index": "stored_document (account_id, id DESC)",
    "stored_document_file_index": "stored_document (file_id)",
    "upload_account_index": "upload (account_id) WHERE account_id IS NOT NULL",
    "upload_agent_index": "upload (agent_id) WHERE agent_id IS NOT NULL",
    "upload_request_index": "upload (request_id) WHERE request_id IS NOT NULL",
    "upload_expiry_index": "upload (expires_at)",
    "receipt_due_index": "receipt (next_attempt_at) WHERE next_attempt_at IS NOT NULL",
    "receipt_file_index": "receipt (file_id) WHERE file_id IS NOT NULL",
}

CHECKS = {
    "file": {
        "file_scan": "scan IN ('PENDING', 'CLEAN', 'INFECTED', 'FAILED')",
        "file_scanned": "(scan = 'PENDING') = (scanned_at IS NULL)",
        "file_scan_due": "(scan = 'PENDING') = (next_scan_at IS NOT NULL)",
        "file_infected_is_gone": "(scan = 'INFECTED') = (address IS NULL)",
        "file_preview_of_a_clean_one": "preview_address IS NULL OR scan = 'CLEAN'",
        "file_size": "size > 0",
        "file_sha256": "octet_length(sha256) = 32",
    },
    "attachment": {
        "attachment_party": "added_by IN ('CITIZEN', 'MUNICIPALITY')",
        "attachment_title": "title <> ''",
    },
    "stored_document": {
        "stored_document_kind": (
            "kind IN ('IDENTITY', 'PROOF_OF_ADDRESS', 'FAMILY_RECORD', 'INCOME', 'VACCINATION', 'INSURANCE', 'OTHER')"
        ),
        "stored_document_title": "title <> ''",
    },
    "account": {
        "account_storage_quota": "stored_bytes BETWEEN 0 AND storage_quota_bytes",
        "account_storage_count": "stored_count BETWEEN 0 AND 1000",
    },
    "upload": {
        "upload_of_one": "num_nonnulls(account_id, agent_id, request_id) = 1",
        "upload_received": "received BETWEEN 0 AND length",
        "upload_length": "length > 0",
    },
    "upload_part": {"upload_part_size": "size > 0 AND start >= 0"},
}

# The sum is the database's own affair: no code path can forget it, and the account's row lock puts writers in a row.
STORAGE = """
CREATE FUNCTION count_stored_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE account SET stored_count = stored_count - 1,
            stored_bytes = stored_bytes - (SELECT size FROM file WHERE id = OLD.file_id) WHERE id = OLD.account_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE account SET stored_count = stored_count + 1,
            stored_bytes = stored_bytes + (SELECT size FROM file WHERE id = NEW.file_id) WHERE id = NEW.account_id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER stored_document_counted AFTER INSERT OR DELETE OR UPDATE OF file_id, account_id ON stored_document
    FOR EACH ROW EXECUTE FUNCTION count_stored_document();

CREATE FUNCTION refuse_to_rewrite_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the bytes of a file never change' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER file_unchanging BEFORE UPDATE OF sha256, size, media_type ON file
    FOR EACH ROW EXECUTE FUNCTION refuse_to_rewrite_file();
"""

NO_STORAGE = """
DROP TRIGGER file_unchanging ON file;
DROP FUNCTION refuse_to_rewrite_file;
DROP TRIGGER stored_document_counted ON stored_document;
DROP FUNCTION count_stored_document;
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
    dependencies = [("models", "0003_files")]

    operations = [
        ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD)),
        ops.RunSQL(STORAGE, reverse_sql=NO_STORAGE),
    ]

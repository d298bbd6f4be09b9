from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0002_constraints")]

    initial = False

    operations = [
        ops.CreateModel(
            name="File",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("sha256", fields.BinaryField()),
                ("size", fields.BigIntField()),
                ("media_type", fields.CharField(max_length=100)),
                ("address", fields.CharField(null=True, max_length=200)),
                ("scan", fields.CharField(default="PENDING", max_length=10)),
                ("scan_attempts", fields.IntField(default=0)),
                ("next_scan_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("scanned_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("preview_address", fields.CharField(null=True, max_length=200)),
                ("preview_attempts", fields.IntField(default=0)),
                ("next_preview_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("linked_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "file",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`address` and `preview_address` are where uploads/storing keeps the bytes; infected bytes are thrown away.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Receipt",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "request",
                    fields.ForeignKeyField(
                        "models.ServiceRequest",
                        source_field="request_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="receipts",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "file",
                    fields.ForeignKeyField(
                        "models.File",
                        source_field="file_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="receipts",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("attempts", fields.IntField(default=0)),
                (
                    "next_attempt_at",
                    fields.DatetimeField(null=True, default=now, auto_now=False, auto_now_add=False),
                ),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "receipt",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Written when the request is submitted. `next_attempt_at` is null once it has its file, or was given up.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StoredDocument",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stored_documents",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "file",
                    fields.ForeignKeyField(
                        "models.File",
                        source_field="file_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="stored_documents",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("title", fields.CharField(max_length=200)),
                ("name", fields.CharField(max_length=200)),
                ("kind", fields.CharField(default="OTHER", max_length=20)),
                ("valid_until", fields.DateField(null=True)),
                ("stored_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("updated_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "stored_document",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A trigger adds its size to `account.stored_bytes`, which a constraint keeps within the account's quota.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Attachment",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "request",
                    fields.ForeignKeyField(
                        "models.ServiceRequest",
                        source_field="request_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="attachments",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "file",
                    fields.ForeignKeyField(
                        "models.File",
                        source_field="file_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="attachments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("field", fields.CharField(null=True, max_length=100)),
                ("title", fields.CharField(max_length=200)),
                ("name", fields.CharField(max_length=200)),
                ("added_by", fields.CharField(max_length=20)),
                (
                    "copied_from",
                    fields.ForeignKeyField(
                        "models.StoredDocument",
                        source_field="copied_from_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="copies",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("added_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "attachment",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`field` is the key of the form field that it answers. Replacing it changes `file`, never the file's row.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ExchangeAttachment",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "exchange",
                    fields.ForeignKeyField(
                        "models.Exchange",
                        source_field="exchange_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="attachment_links",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "attachment",
                    fields.ForeignKeyField(
                        "models.Attachment",
                        source_field="attachment_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="exchange_links",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "exchange_attachment",
                "app": "models",
                "pk_attr": "id",
                "table_description": "An attachment of the request that a message refers to.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Upload",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="uploads",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "agent",
                    fields.ForeignKeyField(
                        "models.Agent",
                        source_field="agent_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="uploads",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "request",
                    fields.ForeignKeyField(
                        "models.ServiceRequest",
                        source_field="request_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="uploads",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=200)),
                ("media_type", fields.CharField(max_length=100)),
                ("length", fields.BigIntField()),
                ("received", fields.BigIntField(default=0)),
                ("became_id", fields.UUIDField(null=True)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "upload",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Whose it is: an account's, an agent's, or that of a request's ticket holder; exactly one of the three.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="UploadPart",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "upload",
                    fields.ForeignKeyField(
                        "models.Upload",
                        source_field="upload_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="parts",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("start", fields.BigIntField()),
                ("size", fields.BigIntField()),
                ("address", fields.CharField(max_length=200)),
            ],
            options={
                "table": "upload_part",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Bytes `start` to `start + size` of an upload, stored at `address`. Parts follow each other without gaps.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Account",
            name="storage_quota_bytes",
            field=fields.BigIntField(default=104857600, db_default=104857600),
        ),
        ops.AddField(
            model_name="Account",
            name="stored_bytes",
            field=fields.BigIntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name="Account",
            name="stored_count",
            field=fields.IntField(default=0, db_default=0),
        ),
    ]

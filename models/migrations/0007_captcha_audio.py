from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0006_appointment_constraints")]

    initial = False

    operations = [
        ops.CreateModel(
            name="CaptchaAudio",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("captcha_id", fields.UUIDField()),
                ("language", fields.CharField(max_length=2)),
                ("content", fields.BinaryField(null=True)),
                ("made_with", fields.BinaryField(null=True)),
                ("attempts", fields.IntField(default=0)),
                ("next_attempt_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("taken_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "captcha_audio",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`content` is sealed; `made_with` tells which secret its code was derived with.",
            },
            bases=["Model"],
        ),
        ops.AlterModelOptions(
            name="Captcha",
            options={
                "table": "captcha",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`network` and `used_from` are HMACs of the networks it was made for and used from.",
            },
        ),
        ops.AddField(
            model_name="Captcha",
            name="network",
            field=fields.BinaryField(null=True),
        ),
        ops.AddField(
            model_name="Captcha",
            name="used_from",
            field=fields.BinaryField(null=True),
        ),
    ]

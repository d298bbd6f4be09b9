"""What must never be of slots and appointments, said to the database: two people in one place, most of all."""

from tortoise import migrations
from tortoise.migrations import operations as ops

UNIQUE = {
    "appointment_one_a_request": "appointment (request_id) WHERE state <> 'CANCELLED'",
}

INDEXES = {
    "slot_calendar_index": "slot (schedule_id, start)",
    "slot_free_index": "slot (schedule_id, start) WHERE taken < capacity AND closed_at IS NULL",
    "slot_held_index": "slot (schedule_id, start) WHERE held > 0 AND closed_at IS NULL",
    "slot_changed_index": "slot (schedule_id, changed_in)",
    "appointment_slot_index": "appointment (slot_id)",
    "appointment_request_index": "appointment (request_id)",
    "appointment_hold_index": "appointment (held_until) WHERE state = 'HELD' AND counts",
    "mail_appointment_index": "mail (appointment_id) WHERE appointment_id IS NOT NULL",
    "appointment_reminder_index": (
        "appointment (reminder_at) WHERE reminder_at IS NOT NULL AND reminder_sent_at IS NULL AND state = 'CONFIRMED'"
    ),
}

CHECKS = {
    "slot": {
        "slot_capacity": "taken BETWEEN 0 AND capacity",
        "slot_held": "held BETWEEN 0 AND taken",
        "slot_capacity_positive": "capacity BETWEEN 1 AND 1000",
        "slot_span": '"end" > start',
    },
    "appointment": {
        "appointment_state": "state IN ('HELD', 'CONFIRMED', 'CANCELLED')",
        "appointment_held": "(state = 'HELD') = (held_until IS NOT NULL)",
        "appointment_counts": "CASE state WHEN 'CONFIRMED' THEN counts WHEN 'CANCELLED' THEN NOT counts ELSE true END",
        "appointment_reminder": "(reminder_email IS NULL) = (reminder_at IS NULL)",
    },
}

# Open slots of a schedule never overlap: whoever sits at the counter is there once.
OVERLAPS = """
CREATE EXTENSION IF NOT EXISTS btree_gist;

ALTER TABLE slot ADD CONSTRAINT slot_overlap
    EXCLUDE USING gist (schedule_id WITH =, tstzrange(start, "end") WITH &&) WHERE (closed_at IS NULL);
"""

NO_OVERLAPS = """
ALTER TABLE slot DROP CONSTRAINT slot_overlap;
DROP EXTENSION btree_gist;
"""

# The count is the database's own affair: whoever comes second waits for the slot's row, and finds it full.
PLACES = """
CREATE FUNCTION take_and_give_places() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.slot_id = NEW.slot_id AND OLD.counts = NEW.counts THEN
        -- A hold that is renewed or confirmed may have run out, and its place been free: followers look again.
        IF NEW.counts AND (OLD.state, OLD.held_until) IS DISTINCT FROM (NEW.state, NEW.held_until) THEN
            UPDATE slot SET held = held - (OLD.state = 'HELD')::int + (NEW.state = 'HELD')::int
            WHERE id = NEW.slot_id;
        END IF;
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' AND OLD.counts THEN
        UPDATE slot SET taken = taken - 1, held = held - (OLD.state = 'HELD')::int WHERE id = OLD.slot_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.counts THEN
        UPDATE slot SET taken = taken + 1, held = held + (NEW.state = 'HELD')::int
        WHERE id = NEW.slot_id AND closed_at IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the slot is closed' USING ERRCODE = 'check_violation', CONSTRAINT = 'slot_open';
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER appointment_places AFTER INSERT OR DELETE OR UPDATE OF slot_id, counts, state, held_until ON appointment
    FOR EACH ROW EXECUTE FUNCTION take_and_give_places();

CREATE FUNCTION note_slot_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;

CREATE TRIGGER slot_change BEFORE INSERT OR UPDATE ON slot
    FOR EACH ROW EXECUTE FUNCTION note_slot_change();
"""

NO_PLACES = """
DROP TRIGGER slot_change ON slot;
DROP FUNCTION note_slot_change;
DROP TRIGGER appointment_places ON appointment;
DROP FUNCTION take_and_give_places;
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
    dependencies = [("models", "0005_appointments")]

    operations = [
        ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD)),
        ops.RunSQL(OVERLAPS, reverse_sql=NO_OVERLAPS),
        ops.RunSQL(PLACES, reverse_sql=NO_PLACES),
    ]

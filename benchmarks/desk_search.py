"""An agent seeks among many requests: `python -m benchmarks.desk_search [requests]`.

Half of them are archived, which the inbox leaves out. Each answer counts what is found and reads its first page, unread
first.
"""

from __future__ import annotations

import asyncio
import sys
from statistics import median, quantiles
from time import perf_counter

from benchmarks.databases import migrated, patient
from core.selection import SelectedField, Selection
from models.database import connected, execute, fetch
from resolvers.desk import desk
from tests.factories import make_agent, make_procedure, make_request

REQUESTS = 100_000
ROUNDS = 50
SEARCHES = (
    "",
    "helene citoyen001",
    "citoyen001 hélène",
    "lefevre",
    "jean pierre",
    "du mart",
    "mail.example",
    "e",
)

FILL = """
INSERT INTO service_request (
    id, ticket_digest, ticket_sealed, procedure_id, procedure_version_id, status, version, contact, answers, language,
    exchange_count, created_at, updated_at, submitted_at, closed_at, archived_at
)
SELECT gen_random_uuid(), sha256(n::text::bytea), r.ticket_sealed, r.procedure_id, r.procedure_version_id,
    CASE WHEN n % 2 = 0 THEN 'CANCELLED' ELSE 'SUBMITTED' END, 1,
    r.contact || jsonb_build_object('first_name', first, 'last_name', last, 'email', first || n || '@mail.example'),
    r.answers, 'fr', 0, r.created_at, r.created_at, r.created_at - n * interval '1 minute',
    CASE WHEN n % 2 = 0 THEN r.created_at END, CASE WHEN n % 2 = 0 THEN r.created_at END
FROM service_request r, generate_series(1, $1::int) AS n, LATERAL (SELECT
    (ARRAY['Hélène', 'Jean', 'Marie', 'Éric', 'Zoé', 'François', 'Gaëlle', 'Noël', 'Jean-Pierre'])[n % 9 + 1],
    CASE WHEN n % 11 = 0 THEN (ARRAY['Lefèvre', 'Durand', 'Martin', 'D’Artagnan', 'Müller'])[n / 11 % 5 + 1]
        ELSE 'Citoyen' || to_char(n % 997, 'FM000') END
) AS name (first, last)
"""


async def measure(requests: int) -> None:
    async with migrated() as settings, connected(patient(settings)):
        await make_request(await make_procedure("acte-naissance"))
        agent = await make_agent()
        await execute(FILL, requests)
        await fetch("VACUUM ANALYZE service_request")
        print(f"{requests:,} requests\n{'':<20} {'found':>8} {'median':>11} {'p95':>11}")
        for search in SEARCHES:
            wanted = Selection.of("total_count", nodes=Selection.of("id", "ticket", "status", "contact"))
            filter = {"search": search, "archived": False}
            field = SelectedField("requests", {"filter": filter, "unread_first": True}, wanted)
            taken = []
            for _ in range(ROUNDS):
                started_at = perf_counter()
                row = await desk(agent, selection=Selection((field,)))
                taken.append((perf_counter() - started_at) * 1000)
                assert row is not None
            found = row[field.key]["total_count"]
            print(f"{search:<20} {found:>8,} {median(taken):>8.1f} ms {quantiles(taken, n=20)[-1]:>8.1f} ms")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS))

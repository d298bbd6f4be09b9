"""How long a search takes over more than a thousand procedures: `python -m benchmarks.search`."""

from __future__ import annotations

from statistics import median, quantiles
from time import perf_counter

from tests.models.search_catalogue import demonstration_documents, large_index, padding_documents, queries

ROUNDS = 5


def main() -> None:
    index = large_index()
    procedures = len(demonstration_documents()) + len(padding_documents())
    milliseconds = []
    right = 0
    for _ in range(ROUNDS):
        for query, slug in queries():
            started_at = perf_counter()
            found = index.search(query)
            milliseconds.append((perf_counter() - started_at) * 1000)
            right += bool(found) and found[0][0] == slug
    print(
        f"{procedures} procedures, {len(queries())} queries: "
        f"right answer first {right / len(milliseconds):.1%}, "
        f"median {median(milliseconds):.2f} ms, p95 {quantiles(milliseconds, n=20)[-1]:.2f} ms, "
        f"slowest {max(milliseconds):.2f} ms"
    )


if __name__ == "__main__":
    main()

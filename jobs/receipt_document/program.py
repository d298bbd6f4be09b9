"""Sets one receipt: an order as JSON on standard input, its PDF on standard output. Started by typesetting.py, by its
path and without our environment: it imports nothing of the project.

It may use half a minute of processor and a gigabyte of memory, and write no file. No document can have it read one
either: what people wrote reaches Typst as a value, and the only file under the compiler's root is the template.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typst

HERE = Path(__file__).parent
TEMPLATE = HERE / "template"
FONTS = HERE / "fonts"
STANDARDS: list[typst.PDFStandard] = ["a-2a", "ua-1"]
"""To be kept (ISO 19005-2, level A: tagged) and to be read aloud (ISO 14289-1)."""

PROCESSOR_SECONDS = 30
MEMORY_BYTES = 1024**3
"""Of addresses: a receipt takes 170 MB of memory, most of which are the program and its fonts."""


def main() -> None:
    # Not uploads/sandbox: Typst opens its fonts late, and on threads that it starts before they could be confined.
    limit()
    order = json.load(sys.stdin.buffer)
    content = typst.compile(
        str(TEMPLATE / "receipt.typ"),
        root=str(TEMPLATE),
        font_paths=typst.Fonts(include_system_fonts=False, font_paths=[str(FONTS)]),
        ignore_system_fonts=True,
        sys_inputs={"document": order["document"]},
        pdf_standards=STANDARDS,
        timestamp=order["dated"],
        # Nobody's home has packages for this.
        package_path=str(TEMPLATE),
        package_cache_path=str(TEMPLATE),
    )
    sys.stdout.buffer.write(content)


def limit() -> None:
    if sys.platform != "win32":
        import resource

        for which, most in (
            (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
            (resource.RLIMIT_AS, MEMORY_BYTES),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            _, hard = resource.getrlimit(which)
            least = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(which, (least, least))


if __name__ == "__main__":
    main()

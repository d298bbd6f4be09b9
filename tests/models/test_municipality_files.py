"""Data files: the demonstration reads; every mistake is named with its file and line."""

from __future__ import annotations

import re
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.forms import AppointmentPolicy, FileField, ProcedureState
from models.municipality_files import MunicipalityFilesError, read_municipality
from models.municipality_files.yaml_document import DEEPEST, LARGEST_FILE_BYTES, read_yaml

DEMONSTRATION = Path(__file__).parents[2] / "municipalities" / "demonstration"

SMALL = {
    "municipality.yaml": "name: Ici\ncontact_email: mairie@ici.example\n",
    "categories.yaml": "- {slug: papiers, title: Papiers}\n",
    "schedules.yaml": "- {slug: guichet, title: Guichet, place: Mairie}\n",
    "procedures/acte.yaml": (
        "slug: acte\n"
        "title: Acte\n"
        "category: papiers\n"
        "summary: Un acte.\n"
        "body: |\n"
        "  Deux\n"
        "  lignes.\n"
        "fields:\n"
        "  - key: nom\n"
        "    type: text\n"
        "    label: Nom\n"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "procedures").mkdir()
    for name, content in SMALL.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def mistakes(folder: Path) -> list[str]:
    """As `file:line: sentence`, the file's path from the folder on."""
    with pytest.raises(MunicipalityFilesError) as caught:
        read_municipality(folder)
    assert str(caught.value).splitlines() == caught.value.sentences("fr")
    return [sentence.removeprefix(f"{folder}/") for sentence in caught.value.sentences("en")]


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_demonstration_is_a_whole_catalogue() -> None:
    data = read_municipality(DEMONSTRATION)
    assert len(data.procedures) >= 28
    in_categories = Counter(procedure.category for procedure in data.procedures)
    assert in_categories.keys() == {category.slug for category in data.categories}
    assert len(in_categories) >= 7
    assert {procedure.appointment for procedure in data.procedures} == set(AppointmentPolicy)
    assert any(procedure.requires_account for procedure in data.procedures)
    simple = [
        procedure
        for procedure in data.procedures
        if not procedure.requires_account
        and procedure.state is ProcedureState.OPEN
        and procedure.appointment is not AppointmentPolicy.REQUIRED
        and not any(isinstance(field, FileField) and field.required for field in procedure.definition.fields)
    ]
    assert len(simple) >= 14
    for procedure in data.procedures:
        assert procedure.definition.fields
        assert procedure.keywords
        assert len(procedure.definition.body) > 200


def test_a_small_one_reads(folder: Path) -> None:
    data = read_municipality(folder)
    assert (data.name, data.timezone, data.contact_email) == ("Ici", "Europe/Paris", "mairie@ici.example")
    (procedure,) = data.procedures
    assert procedure.definition.body == "Deux\nlignes."
    (folder / "schedules.yaml").unlink()
    assert read_municipality(folder).schedules == ()


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("municipality.yaml", "name: Ici\n", "", "municipality.yaml:1: “name” is missing."),
        (
            "municipality.yaml",
            "Ici\n",
            "Ici\ntimezone: Mars/Phobos\n",
            "municipality.yaml:2: Unknown time zone",
        ),
        (
            "municipality.yaml",
            "Ici\n",
            "Ici\ntimezone: ../../etc\n",
            "municipality.yaml:2: Unknown time zone",
        ),
        ("municipality.yaml", "mairie@ici.example", "mairie", "municipality.yaml:2: Give a whole e-mail"),
        (
            "municipality.yaml",
            "Ici\n",
            "Ici\nlinks:\n  - {title: A, url: 'https://ici.example'}\n  - {title: B, url: 'javascript:alert()'}\n",
            "municipality.yaml:4: An address https:// is expected",
        ),
        ("municipality.yaml", "name: Ici", "name: [", "municipality.yaml:3: This file is not readable YAML"),
        (
            "municipality.yaml",
            "name: Ici",
            "name: Ici\nname: Là",
            "municipality.yaml:2: “name” already stands",
        ),
        ("municipality.yaml", "name: Ici", "name: &ici Ici", "municipality.yaml:1: Anchors (&) and aliases"),
        ("municipality.yaml", "name: Ici", "name: !!python/name:os.system", "municipality.yaml:1: Tags (!)"),
        ("municipality.yaml", "name: Ici", "? [a]\n: b", "municipality.yaml:1: A key has to be a text."),
        (
            "municipality.yaml",
            "name: Ici",
            "---\nname: Ici\n---",
            "municipality.yaml:3: This file is not readable",
        ),
        ("categories.yaml", "papiers", "Pa piers", "categories.yaml:1: Not written as allowed"),
        (
            "categories.yaml",
            "- {slug",
            "- {slug: papiers, title: X}\n- {slug",
            "categories.yaml:2: “papiers” is already used",
        ),
        (
            "schedules.yaml",
            "Mairie}",
            "Mairie, address: {lines: [1 rue],\n    postal_code: '1', city: X}}",
            "schedules.yaml:2: Give a postal code of five digits",
        ),
        (
            "procedures/acte.yaml",
            "papiers",
            "voirie",
            "procedures/acte.yaml:3: There is no category “voirie”",
        ),
        ("procedures/acte.yaml", "title: Acte", "titre: Acte", "procedures/acte.yaml:1: “title” is missing."),
        (
            "procedures/acte.yaml",
            "title: Acte",
            "titre: Acte",
            "procedures/acte.yaml:2: “titre” is not known here.",
        ),
        ("procedures/acte.yaml", "title: Acte", "title: 12", "procedures/acte.yaml:2: A text is expected"),
        (
            "procedures/acte.yaml",
            "body",
            "appointment: MAYBE\nbody",
            "procedures/acte.yaml:5: Unknown value; allowed are: NONE, OPTIONAL, REQUIRED.",
        ),
        (
            "procedures/acte.yaml",
            "body",
            "appointment: REQUIRED\nbody",
            "procedures/acte.yaml:5: Say in “schedules”",
        ),
        (
            "procedures/acte.yaml",
            "body",
            "schedules: [guichet]\nbody",
            "procedures/acte.yaml:5: This procedure has no",
        ),
        (
            "procedures/acte.yaml",
            "body",
            "appointment: OPTIONAL\nschedules:\n  - guichet\n  - autre\nbody",
            "procedures/acte.yaml:8: There is no schedule “autre”",
        ),
        ("procedures/acte.yaml", "type: text", "type: texte", "procedures/acte.yaml:9: Unknown type “texte”"),
        (
            "procedures/acte.yaml",
            "label: Nom",
            "label: Nom\n    pattern: '(a+)+'",
            "procedures/acte.yaml:12: This pattern may take too much computing",
        ),
        (
            "procedures/acte.yaml",
            "label: Nom",
            "label: Nom\n    visible_when:\n      - field: rien\n        operator: IS_ANSWERED",
            "procedures/acte.yaml:13: No field has the key “rien”.",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(folder: Path, name: str, old: str, new: str, expected: str) -> None:
    change(folder, name, old, new)
    assert [found for found in mistakes(folder) if found.startswith(expected)]


def test_every_mistake_of_every_file_at_once_in_order(folder: Path) -> None:
    change(folder, "municipality.yaml", "mairie@ici.example", "mairie")
    change(folder, "categories.yaml", "title: Papiers", "titre: Papiers")
    change(folder, "procedures/acte.yaml", "type: text", "type: number\n    minimum: 2\n    maximum: 1")
    shutil.copy(folder / "procedures/acte.yaml", folder / "procedures/copie.yaml")
    assert [found.rsplit(": ", 1)[0] for found in mistakes(folder)] == [
        "categories.yaml:1", "categories.yaml:1", "municipality.yaml:2", "procedures/acte.yaml:12",
        "procedures/copie.yaml:1", "procedures/copie.yaml:12",
    ]  # fmt: skip


def test_a_wrong_key_hides_nothing_else_of_its_file(folder: Path) -> None:
    (folder / "municipality.yaml").write_text(
        "name: 12\ntimezone: Mars/Olympus\ncontact_email: nope\nphone: '12'\nunknown: 1\n"
        "address:\n  lines: 1 rue\n  postal_code: '1'\n  town: X\n",
        encoding="utf-8",
    )
    assert [found.rsplit(": ", 1)[0] for found in mistakes(folder)] == [
        f"municipality.yaml:{line}" for line in (1, 2, 3, 4, 5, 6, 7, 8, 9)
    ]


def test_a_wrong_category_hides_neither_the_others_nor_the_procedures_mistakes(folder: Path) -> None:
    (folder / "categories.yaml").write_text(
        "- {slug: Pa piers, title: A}\n- {slug: eau, title: B, colour: red}\n- {slug: eau, title: C}\n",
        encoding="utf-8",
    )
    change(folder, "procedures/acte.yaml", "papiers", "voirie")
    for number in range(5):
        copy = (folder / "procedures/acte.yaml").read_text(encoding="utf-8")
        (folder / f"procedures/copie-{number}.yaml").write_text(
            copy.replace("slug: acte", f"slug: acte-{number}"), encoding="utf-8"
        )
    found = mistakes(folder)
    assert [sentence.rsplit(":", 1)[0] for sentence in found[:3]] == [
        "categories.yaml:1", "categories.yaml:2", "categories.yaml:3",
    ]  # fmt: skip
    assert found[3:] == ["procedures/acte.yaml:3: There is no category “voirie” in categories.yaml."]


@pytest.mark.parametrize("content", ["papiers: Papiers\n", "- {slug: Pa piers, title: A}\n", "[", "", "[]\n"])
def test_procedures_are_not_blamed_for_categories_that_cannot_be_read(folder: Path, content: str) -> None:
    (folder / "categories.yaml").write_text(content, encoding="utf-8")
    found = mistakes(folder)
    assert len(found) == 1
    assert found[0].startswith("categories.yaml:")


def test_schedules_that_are_not_there_are_told_once(folder: Path) -> None:
    (folder / "schedules.yaml").unlink()
    change(folder, "procedures/acte.yaml", "body", "appointment: OPTIONAL\nschedules: [guichet]\nbody")
    copy = (folder / "procedures/acte.yaml").read_text(encoding="utf-8")
    (folder / "procedures/copie.yaml").write_text(copy.replace("slug: acte", "slug: copie"), encoding="utf-8")
    assert mistakes(folder) == ["procedures/acte.yaml:6: There is no schedule “guichet” in schedules.yaml."]


def test_wrong_fields_hide_neither_each_other_nor_what_refers_to_them(folder: Path) -> None:
    (folder / "procedures/acte.yaml").write_text(
        "slug: Acte\n"  # 1 not written as allowed
        "title: Acte\n"
        "category: voirie\n"  # 3 no category
        "appointment: REQUIRED\n"  # 4 no schedules
        "summary: Un acte.\n"
        "fields:\n"
        "  - {key: nom, type: text, label: Nom, pattern: '(a+)+', colour: red}\n"  # 7 key, pattern
        "  - {key: nom, type: texte, label: Nom}\n"  # 8 type, repeated
        "  - {key: age, type: number, minimum: 2, maximum: 1}\n"  # 9 label, maximum
        "  - {key: date, type: date, label: Date, required: 1, visible_when: [\n"  # 10 required
        "      {field: rien, operator: IS_ANSWERED},\n"  # 11 no such field
        "      {field: age, operator: EQUAL},\n"  # 12 operator
        "      {field: age, operator: EQUALS, values: [x]}]}\n",  # 13 a number
        encoding="utf-8",
    )
    lines = [int(found.split(":")[1]) for found in mistakes(folder)]
    assert lines == [1, 1, 3, 4, 7, 7, 8, 8, 9, 9, 10, 11, 12, 13]


def test_a_condition_on_a_field_whose_key_is_wrong_is_no_second_mistake(folder: Path) -> None:
    change(
        folder,
        "procedures/acte.yaml",
        "key: nom",
        "key: Nom\n    type: text\n    label: A\n  - key: b\n    visible_when: [{field: nom, operator: IS_ANSWERED}]",
    )
    (told,) = mistakes(folder)
    assert told.startswith(
        "procedures/acte.yaml:9: Not written as allowed; it takes a small letter first, then"
    )


def test_the_same_sentence_about_a_line_is_told_once(folder: Path) -> None:
    anchors = ", ".join(f"&a{number} x" for number in range(70))
    (folder / "categories.yaml").write_text(f"[{anchors}]\n", encoding="utf-8")
    assert mistakes(folder) == [
        "categories.yaml:1: Anchors (&) and aliases (*) are not allowed: repeat the text."
    ]


def test_files_that_are_not_there_or_cannot_be_read(folder: Path) -> None:
    (folder / "municipality.yaml").unlink()
    (folder / "categories.yaml").write_bytes(b"- slug: a\n  title: \xe9\n")
    assert mistakes(folder) == [
        "categories.yaml:2: This file is not in UTF-8.",
        "municipality.yaml:1: This file cannot be read (No such file or directory).",
    ]
    shutil.rmtree(folder / "procedures")
    assert mistakes(folder)[-1] == "procedures:1: This folder has to hold 1 to 5000 .yaml files; it has 0."


def test_bare_values_are_read_as_people_mean_them() -> None:
    document = read_yaml(
        b"a: oui\nb: no\nc: 2026-11-23\nd: true\ne: 12\nf: 1.5\ng: 012\nh: '12'\ni:\nj: 1:30\nk: 0x1F\nl: .inf\n"
    )
    assert document.value == {
        "a": "oui", "b": "no", "c": "2026-11-23", "d": True, "e": 12, "f": 1.5, "g": "012", "h": "12", "i": None,
        "j": "1:30", "k": "0x1F", "l": ".inf",
    }  # fmt: skip


def test_bombs_are_refused_at_once() -> None:
    laughs = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    )
    deep = "[" * 100_000
    large = b"a: " + b"x" * LARGEST_FILE_BYTES
    started_at = time.process_time()
    for content in (laughs.encode(), deep.encode(), large, b"[" * DEEPEST + b"[" + b"]" * DEEPEST + b"]"):
        assert read_yaml(content).mistakes
    assert time.process_time() - started_at < 2
    assert not read_yaml(b"[" * DEEPEST + b"]" * DEEPEST).mistakes


@given(
    st.one_of(st.binary(max_size=200), st.text("ab:-[]{}#&*!|>'\"%@`,? \n\t", max_size=60).map(str.encode))
)
def test_no_content_breaks_the_reader(content: bytes) -> None:
    document = read_yaml(content)
    assert document.mistakes or document.line_of(()) >= 1


def test_the_demonstration_has_one_mairie_in_one_town() -> None:
    data = read_municipality(DEMONSTRATION)
    assert data.address is not None
    people = (DEMONSTRATION / "people.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r'postal_code: "(\d+)"', people)) == {data.address.postal_code}
    for schedule in data.schedules:
        assert schedule.address is not None
        address = schedule.address.to_address()
        assert (address.postal_code, address.city) == (data.address.postal_code, data.address.city)
        assert not schedule.place.startswith("Mairie") or address == data.address


def partner(slug: str = "famille", address: str = "https://famille.example/api") -> str:
    return (
        f"- slug: {slug}\n  name: Espace Famille\n  address: {address}\n"
        "  credential_labels: {code: Code famille, password: Mot de passe}\n"
    )


def test_partner_systems_may_be_there(folder: Path) -> None:
    assert read_municipality(folder).partners == ()
    (folder / "partners.yaml").write_text(partner() + partner("autre", "https://autre.example:8443"))
    first, second = read_municipality(folder).partners
    assert (first.slug, first.name, first.address) == (
        "famille",
        "Espace Famille",
        "https://famille.example/api",
    )
    assert (first.credential_labels.code, first.credential_labels.password) == (
        "Code famille",
        "Mot de passe",
    )
    assert (second.slug, second.address) == ("autre", "https://autre.example:8443")


@pytest.mark.parametrize(
    "address",
    [
        "http://famille.example",
        "https://famille.example/",
        "https://famille.example/api/",
        "https://user:secret@famille.example",
        "https://famille.example/api?key=secret",
        "https://famille.example/api#x",
        "https://",
        "//famille.example",
        "famille.example",
        "https://famille.example/a b",
        "https://FAMILLE.example",
    ],
)
def test_where_a_partner_system_cannot_be(folder: Path, address: str) -> None:
    (folder / "partners.yaml").write_text(partner(address=f'"{address}"'))
    (told,) = mistakes(folder)
    assert told.startswith("partners.yaml:3: An address https:// is expected, without a final slash;")


def test_every_mistake_about_partner_systems_at_once(folder: Path) -> None:
    (folder / "partners.yaml").write_text(
        partner() + partner(address="ftp://famille.example") + "- {slug: Un, name: X, secret: whsec_abc}\n"
    )
    assert [line.partition(": ")[0] for line in mistakes(folder)] == [
        "partners.yaml:5",
        "partners.yaml:7",
        *["partners.yaml:9"] * 4,
    ]
    assert "“secret” is not known here" in "\n".join(mistakes(folder))


def test_the_demonstration_has_an_espace_famille() -> None:
    assert [each.slug for each in read_municipality(DEMONSTRATION).partners] == ["espace-famille"]

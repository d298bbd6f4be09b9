from __future__ import annotations

import time

import pytest

from core import password_rules
from core.password_rules import common_words, password_problems

MARIE = (
    "Marie-Thérèse",
    "Lefèvre",
    "mt.lefevre@exemple.example",
    "Saint-Aubin-sur-Loire",
    "49985",
    "1980",
    "12071980",
)


@pytest.mark.parametrize(
    "password",
    [
        "Demonstration-2026",
        "Kx8!efptijml",
        "Unsymboleenmoins26",
        "sept petits mots suffisent pour une phrase",
        "Écureuil-Géant-7",
        "Xyz9-w " * 18,
    ],
)
def test_strong_passwords_pass(password: str) -> None:
    assert password_problems(password, "citoyen1") == []


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("", "12 caractère(s) de plus, une majuscule, une minuscule, un chiffre, un caractère spécial"),
        ("Court-1", "5 caractère(s) de plus"),
        ("touten-minuscules", "une majuscule, un chiffre"),
        ("12345678901234567890", "une majuscule, une minuscule, un caractère spécial"),
        ("Treize1lettre", "un caractère spécial"),
        ("mot mot mot mot mot mot mot", "une majuscule, un chiffre"),
    ],
)
def test_a_weak_password_is_told_everything_that_it_lacks(password: str, told: str) -> None:
    (problem,) = password_problems(password, "citoyen1", path="password")
    assert problem.path == "password"
    assert told in problem.text.fr
    assert "Missing" in problem.text.en


def test_every_problem_is_named_at_once() -> None:
    problems = password_problems("citoyen1" * 20, "Citoyen1")
    assert len(problems) == 4
    assert "majuscule" in problems[0].text.fr
    assert "128" in problems[1].text.fr
    assert "nom d’utilisateur" in problems[2].text.fr
    assert "courant" in problems[3].text.fr


def test_the_same_few_characters_over_and_over_are_refused() -> None:
    (problem,) = password_problems("Aa1!" * 5, "citoyen1")
    assert "différents" in problem.text.fr


def test_an_empty_username_is_in_no_password() -> None:
    assert password_problems("Demonstration-2026", "") == []


@pytest.mark.parametrize(
    "password",
    [
        "Motdepasse-2026!",
        "M0td3P@sse-2026",
        "2026-Bonjour-2026",
        "@Dministrateur1",
        "AZERTYuiop-1234",
        "Chouchou!!!1234",
        "Marseille13-OM!",
        "P@ssw0rd-2026",
        "BonjourSoleil1!",
        "Bonjour-Bonjour-1",
        "Azerty-Qwerty-1",
    ],
)
def test_what_everybody_has_is_refused_whatever_is_put_around_it(password: str) -> None:
    (problem,) = password_problems(password, "citoyen1")
    assert "trop courant" in problem.text.fr
    assert "too common" in problem.text.en


@pytest.mark.parametrize(
    "password",
    [
        "Abcdefghijkl1!",
        "Aa1!efghijkl",
        "Xk7$pqXk7$pqXk7$pq",
        "Mississippi24!",
        "Elizabeth1998!",
    ],
)
def test_what_is_guessed_soon_is_refused(password: str) -> None:
    (problem,) = password_problems(password, "citoyen1")
    assert "facile à deviner" in problem.text.fr
    assert "easy to guess" in problem.text.en


@pytest.mark.parametrize(
    "password",
    ["Therese.Lefevre1", "Saint-Aubin49985!", "MTLefevre-1980!", "Lefèvre@Saint-Aubin1", "Loire12071980!"],
)
def test_what_is_known_of_the_person_is_guessed_first(password: str) -> None:
    (problem,) = password_problems(password, "citoyen1", about=MARIE)
    assert "deviner" in problem.text.fr


def test_it_is_what_is_known_that_makes_them_weak() -> None:
    assert password_problems("Therese.Lefevre1", "citoyen1") == []


def test_common_words_are_written_as_they_are_compared() -> None:
    words = common_words()
    assert len(words) == len(set(words)) > 500
    assert all(word.isascii() and word.isalpha() and word == word.lower() for word in words)


@pytest.mark.parametrize(
    "text", ["a1" * 300, "password" * 80, "\u0301a" * 400, "qwertyuiop1!" * 50, "Zz9!é" * 100]
)
def test_the_longest_takes_little_time(text: str) -> None:
    password_problems("Kx8!efptijml", "warm")
    started = time.perf_counter()
    password_problems(text[:128], "citoyen1", about=["x" * 250, *MARIE])
    assert time.perf_counter() - started < 0.5


async def test_of_what_is_far_too_long_only_the_beginning_is_looked_at() -> None:
    accents = "a" + "\u0301\u0316" * 60_000
    started = time.perf_counter()
    assert any("128" in problem.text.fr for problem in password_problems(accents, "jeanne"))
    assert time.perf_counter() - started < 0.5
    assert password_rules.ESTIMATED_CHARACTERS < password_rules.LONGEST

"""Settings: what is missing or wrong is said all at once, in words, and secrets are not shown."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.settings import NO_SCANNER, Settings, describe_problems, forget_unknown_names

PRODUCTION = {
    "ESPACE_MODE": "production",
    "ESPACE_SECRET_KEY": "k" * 32,
    "ESPACE_DATABASE_URL": "postgresql://espace:top-secret@database/espace",
    "ESPACE_REDIS_URL": "redis://:top-secret@cache:6379/0",
    "ESPACE_SMTP_URL": "smtp://user:top-secret@mail:587",
    "ESPACE_PUBLIC_URL": "https://demarches.example.fr/",
    "ESPACE_CLAMD_URL": "unix:///run/clamav/clamd.ctl",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ESPACE_SECRET_KEY")
    monkeypatch.delenv("ESPACE_CAPTCHA_FIXED_CODE")
    monkeypatch.setenv("ESPACE_DATA", str(tmp_path))


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def problems() -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Settings()
    return describe_problems(caught.value)


def test_nothing_needs_to_be_set_in_development() -> None:
    settings = Settings()
    assert settings.development
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.public_url == "http://localhost:8000"
    assert (settings.database_url, settings.redis_url, settings.smtp_url) == (None, None, None)


def test_the_public_address_follows_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_PORT", "9001")
    assert Settings().public_url == "http://localhost:9001"


def test_every_problem_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "ESPACE_MODE": "production",
        "ESPACE_PORT": "many",
        "ESPACE_REDIS_URL": "http://cache",
        "ESPACE_SECRET_KEY": "short",
        "ESPACE_CAPTCHA_FIXED_CODE": "AZERTY",
        "ESPACE_ALLOWED_ORIGINS": "https://a.example, b.example",
    }
    set_all(monkeypatch, wrong)
    named = problems()
    assert {line.split(":")[0] for line in named} == {
        "ESPACE_DATABASE_URL",
        "ESPACE_SMTP_URL",
        "ESPACE_PUBLIC_URL",
        "ESPACE_CLAMD_URL",
        "ESPACE_PORT",
        "ESPACE_REDIS_URL",
        "ESPACE_SECRET_KEY",
        "ESPACE_CAPTCHA_FIXED_CODE",
        "ESPACE_ALLOWED_ORIGINS",
    }
    assert len(named) == 9
    assert "ESPACE_REDIS_URL: must start with redis:// or rediss:// or unix://" in named
    assert "ESPACE_CAPTCHA_FIXED_CODE: is only allowed when ESPACE_MODE=development" in named


def test_an_unknown_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_MODE", "staging")
    assert any(line.startswith("ESPACE_MODE: ") for line in problems())


def test_production_with_everything_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, PRODUCTION)
    settings = Settings()
    assert not settings.development
    assert settings.public_url == "https://demarches.example.fr"


def test_production_does_not_start_without_a_word_on_virus_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, PRODUCTION)
    for value in ("", None):
        if value is None:
            monkeypatch.delenv("ESPACE_CLAMD_URL")
        else:
            monkeypatch.setenv("ESPACE_CLAMD_URL", value)
        (problem,) = problems()
        assert problem.startswith("ESPACE_CLAMD_URL: is required in production (unix:///")
        assert "none:// takes files without a virus scan" in problem


def test_an_operator_may_decide_to_do_without_a_scanner(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {**PRODUCTION, "ESPACE_CLAMD_URL": "none://"})
    assert Settings().clamd_url == NO_SCANNER


def test_development_needs_no_scanner() -> None:
    assert Settings().clamd_url is None


@pytest.mark.parametrize(
    "url",
    ["unix:///run/clamav/clamd.ctl", "tcp://scanner", "tcp://127.0.0.1:3310", "tcp://[::1]:3310", "none://"],
)
def test_where_a_scanner_may_be(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ESPACE_CLAMD_URL", url)
    assert Settings().clamd_url == url


@pytest.mark.parametrize(
    "url",
    [
        "/run/clamav/clamd.ctl",
        "unix://",
        "unix://run/clamd.ctl",
        "tcp://",
        "tcp://:3310",
        "tcp://host:port",
        "tcp://host:3310/path",
        "none",
        "none://really",
        "http://scanner",
    ],
)
def test_where_no_scanner_can_be(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ESPACE_CLAMD_URL", url)
    (problem,) = problems()
    assert problem.startswith("ESPACE_CLAMD_URL: must ")


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, PRODUCTION)
    assert "top-secret" not in repr(Settings())
    assert "kkkk" not in repr(Settings())
    monkeypatch.setenv("ESPACE_DATABASE_URL", "mysql://espace:top-secret@database/espace")
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert "top-secret" not in str(caught.value)


def test_the_fixed_captcha_code_is_for_development(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_CAPTCHA_FIXED_CODE", "AZERTY")
    assert Settings().captcha_fixed_code == "AZERTY"
    set_all(monkeypatch, PRODUCTION)
    assert problems() == ["ESPACE_CAPTCHA_FIXED_CODE: is only allowed when ESPACE_MODE=development"]


@pytest.mark.parametrize("everybody", ["*", "10.0.0.5, *", "0.0.0.0/0", "::/0"])
def test_callers_are_not_believed_where_they_come_from(
    monkeypatch: pytest.MonkeyPatch, everybody: str
) -> None:
    set_all(monkeypatch, {**PRODUCTION, "ESPACE_TRUSTED_PROXIES": everybody})
    (problem,) = problems()
    assert problem.startswith("ESPACE_TRUSTED_PROXIES: must name the proxies")
    monkeypatch.setenv("ESPACE_TRUSTED_PROXIES", "10.0.0.5, 10.1.0.0/16, fd00::/64")
    assert Settings().trusted_proxies == "10.0.0.5, 10.1.0.0/16, fd00::/64"


def test_the_key_of_development_is_kept_and_private(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: Settings().secret_key.get_secret_value(), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_ALLOWED_ORIGINS", "https://a.example/, http://localhost:3000")
    assert Settings().allowed_origins == ["https://a.example", "http://localhost:3000"]


def test_a_command_says_what_is_wrong_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_PORT", "0")
    monkeypatch.setenv("ESPACE_DATABASE_URL", "sqlite://file")
    result = subprocess.run(
        [sys.executable, "-m", "espace", "migrate"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[0] == "The settings are not right:"
    assert sorted(line.split(":")[0] for line in result.stderr.splitlines()[1:]) == [
        "ESPACE_DATABASE_URL",
        "ESPACE_PORT",
    ]


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "espace", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("data", ["/etc/hostname", "/proc/espace", "/etc/hostname/data"])
@pytest.mark.parametrize("secret_key", ["", "k" * 32])
def test_a_data_folder_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, data: str, secret_key: str
) -> None:
    monkeypatch.setenv("ESPACE_DATA", data)
    monkeypatch.setenv("ESPACE_SECRET_KEY", secret_key)
    result = run_command("migrate")
    assert result.returncode == 1
    heading, *named = result.stderr.splitlines()
    assert heading == "The settings are not right:"
    assert [line.split(" (")[0] for line in named] == ["ESPACE_DATA: cannot be used as a folder"]


def test_a_data_folder_that_cannot_be_used_is_named_beside_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ESPACE_DATA", "/proc/espace")
    monkeypatch.setenv("ESPACE_SECRET_KEY", "")
    monkeypatch.setenv("ESPACE_CAPTCHA_FIXED_CODE", "AZERTY")
    assert [line.split(" (")[0] for line in problems()] == ["ESPACE_DATA: cannot be used as a folder"]


def test_a_variable_that_is_no_setting_is_named_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(
        monkeypatch,
        {"ESPACE_DATABSE_URL": "x", "ESPACE_LOGLEVEL": "debug", "ESPACE_URL": "http://localhost:8000"},
    )
    result = run_command("schema", "--print")
    assert result.returncode == 0
    assert result.stderr.splitlines() == [
        "ESPACE_DATABSE_URL: there is no such setting, it is ignored; the nearest name is ESPACE_DATABASE_URL",
        "ESPACE_LOGLEVEL: there is no such setting, it is ignored; the nearest name is ESPACE_LOG_LEVEL",
    ]


def test_children_do_not_name_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_DATABSE_URL", "x")
    assert len(forget_unknown_names()) == 1
    assert forget_unknown_names() == []


def test_a_command_speaks_one_language(tmp_path: Path) -> None:
    result = run_command("load", str(tmp_path / "nowhere"))
    assert result.returncode == 1
    heading, *named = result.stderr.splitlines()
    assert heading == "Nothing was loaded:"
    assert named
    assert all(" has to hold " in line or " cannot be read " in line for line in named)


def test_allowed_hosts_are_separated_by_commas_and_have_no_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_OUTGOING_ALLOWED_HOSTS", "Partner.lan:8080, 192.168.1.20,[fd00::1]:8443")
    assert Settings().outgoing_allowed_hosts == ["partner.lan:8080", "192.168.1.20", "[fd00::1]:8443"]
    monkeypatch.setenv("ESPACE_OUTGOING_ALLOWED_HOSTS", "http://partner.lan, partner.lan/path, *.lan, ok.lan")
    assert problems() == [
        (
            "ESPACE_OUTGOING_ALLOWED_HOSTS: has no hosts such as partner.lan or partner.lan:8080 in "
            "http://partner.lan, partner.lan/path, *.lan"
        )
    ]


def test_partner_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "whsec_" + "A" * 43 + "="
    monkeypatch.setenv("ESPACE_PARTNER_SECRETS", f" espace-famille={secret} , autre={secret},")
    monkeypatch.setenv("ESPACE_PARTNER_ADDRESSES", "espace-famille=http://localhost:8001/espace-citoyens")
    settings = Settings()
    assert {slug: each.get_secret_value() for slug, each in settings.partner_secrets.items()} == {
        "espace-famille": secret,
        "autre": secret,
    }
    assert settings.partner_addresses == {"espace-famille": "http://localhost:8001/espace-citoyens"}
    assert secret not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ESPACE_PARTNER_SECRETS", "whsec_secret"),
        ("ESPACE_PARTNER_SECRETS", "famille="),
        ("ESPACE_PARTNER_SECRETS", "Famille=whsec_" + "A" * 44),
        ("ESPACE_PARTNER_SECRETS", "famille=whsec_c2VjcmV0"),
        ("ESPACE_PARTNER_SECRETS", "famille=" + "A" * 44),
        ("ESPACE_PARTNER_SECRETS", "famille=whsec_" + "secret" * 10 + "!"),
        ("ESPACE_PARTNER_SECRETS", "a=whsec_" + "A" * 44 + ",a=whsec_" + "A" * 44),
        ("ESPACE_PARTNER_ADDRESSES", "famille=ftp://x"),
        ("ESPACE_PARTNER_ADDRESSES", "famille=https://x/"),
        ("ESPACE_PARTNER_ADDRESSES", "famille=https://user@x"),
        ("ESPACE_PARTNER_ADDRESSES", "famille=https://x/?a=b"),
        ("ESPACE_PARTNER_ADDRESSES", "https://x"),
    ],
)
def test_partner_systems_that_cannot_be(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    (problem,) = problems()
    assert problem.startswith(f"{name}: ")
    assert "secret" not in problem.partition(": ")[2].replace("secrets like", "")


OPENID = {
    "ESPACE_OPENID_ISSUER": "https://fournisseur.example/api/v2",
    "ESPACE_OPENID_CLIENT_ID": "la-mairie",
    "ESPACE_OPENID_CLIENT_SECRET": "top-secret",
}


def test_an_identity_provider_is_set_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().openid_issuer is None
    for name in OPENID:
        set_all(monkeypatch, OPENID)
        monkeypatch.delenv(name)
        (problem,) = problems()
        assert problem.startswith(f"{name}: is needed with ESPACE_OPENID_")
    set_all(monkeypatch, OPENID)
    settings = Settings()
    assert settings.openid_name == "FranceConnect"
    assert settings.openid_scopes == ["openid", "given_name", "family_name", "email", "birthdate"]
    assert (settings.openid_acr_values, settings.openid_algorithm) == (["eidas1"], "ES256")
    assert "top-secret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "fournisseur.example"),
        ("ISSUER", "https://fournisseur.example?x=1"),
        ("ISSUER", "https://user:secret@fournisseur.example"),
        ("ALGORITHM", "none"),
        ("ALGORITHM", "HS256"),
        ("SCOPES", "email given_name"),
        ("RETURN_PATHS", "/ https://evil.example"),
        ("RETURN_PATHS", "//evil.example"),
        ("RETURN_PATHS", "/mon-espace/"),
        ("IDENTITY_PATH", "//evil.example"),
    ],
)
def test_an_identity_provider_that_cannot_be(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    set_all(monkeypatch, {**OPENID, f"ESPACE_OPENID_{name}": value})
    (problem,) = problems()
    assert problem.startswith(f"ESPACE_OPENID_{name}: ")
    assert "user:secret" not in problem


def test_an_identity_provider_is_reached_over_tls_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    local = {**OPENID, "ESPACE_OPENID_ISSUER": "http://localhost:9000"}
    set_all(monkeypatch, local)
    assert Settings().openid_issuer == "http://localhost:9000"
    set_all(monkeypatch, {**PRODUCTION, **local})
    (problem,) = problems()
    assert problem.startswith("ESPACE_OPENID_ISSUER: must start with https://")


def test_a_second_factor_is_asked_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().agents_second_factor == "optional"
    monkeypatch.setenv("ESPACE_AGENTS_SECOND_FACTOR", "sometimes")
    (problem,) = problems()
    assert problem.startswith("ESPACE_AGENTS_SECOND_FACTOR: ")

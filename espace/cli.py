"""The commands of `python -m espace`: each does one thing, so that in production each runs where it should."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path

from pydantic import ValidationError

from core.errors import NotFoundError, NotMigratedError, UnavailableError, UsernameTakenError
from core.errors import ValidationError as RefusedInputError
from core.logging import configure_logging
from core.settings import (
    Settings,
    describe_problems,
    describe_unusable_folder,
    forget_unknown_names,
    get_settings,
)
from espace.embedded import EmbeddedServerError
from espace.servers import provide_servers
from espace.serving import StartError
from uploads.storing.blobs import make_blobs

WRONG_SETTINGS = "The settings are not right:"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status. What an operator can mend is said in a sentence, not a traceback."""
    options = _parser().parse_args(arguments)
    try:
        settings = get_settings()
    except ValidationError as error:
        return _fail(WRONG_SETTINGS, *describe_problems(error))
    try:
        make_blobs(settings)
    except ValueError as error:
        return _fail(WRONG_SETTINGS, f"ESPACE_STORAGE_URL: {error}")
    configure_logging(settings)
    for line in forget_unknown_names():
        print(line, file=sys.stderr)
    run: Callable[[Settings, argparse.Namespace], int] = options.run
    try:
        return run(settings, options)
    except (EmbeddedServerError, StartError) as error:
        return _fail(str(error))
    except NotMigratedError:
        return _fail("The database is not up to date: run `python -m espace migrate` first.")
    except UnavailableError:
        return _fail("The database cannot be reached: check ESPACE_DATABASE_URL and that the server runs.")
    except OSError as error:
        if not _concerns(error.filename, settings.data):
            raise
        return _fail(WRONG_SETTINGS, f"ESPACE_DATA: {describe_unusable_folder(error)}")
    except KeyboardInterrupt:
        return 130


def _concerns(name: object, folder: Path) -> bool:
    """Whether it is that folder, something in it, or what would have to hold it."""
    if not isinstance(name, str | bytes | Path):
        return False
    path = Path(os.fsdecode(name))
    return path.is_relative_to(folder) or folder.is_relative_to(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m espace",
        description="The API of a mairie's online services.",
        epilog="Settings are environment variables ESPACE_*. In development, servers that have no URL are embedded.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run: Callable[[Settings, argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("dev", _develop, "Start everything for development: servers, API, worker, inbox, demo municipality.")
    serving = add("serve", _serve, "Serve the API.")
    serving.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes (default: 1)")
    serving.add_argument("--descriptor", type=int, help=argparse.SUPPRESS)
    add("worker", _work, "Run what runs later: mails, events, clean-up.")
    add("migrate", _migrate, "Bring the database up to date.")
    add("seed", _seed, "Add demo users, requests and slots to the demo municipality. Development only.")
    loading = add("load", _load, "Check a municipality's data files, then load them.")
    loading.add_argument("folder", type=Path, metavar="FOLDER")
    agent = add(
        "agent", _save_agent, "Make an agent, or change one. Asks for the password, or reads it from a pipe."
    )
    agent.add_argument("username")
    agent.add_argument("--name", required=True, help="what citizens see below the agent's messages")
    agent.add_argument("--role", choices=("HANDLER", "ADMINISTRATOR"), default="HANDLER")
    agent.add_argument(
        "--procedure",
        action="append",
        metavar="SLUG",
        help="one they handle; again for more (default: all there are)",
    )
    account = add(
        "account",
        _change_account,
        "Close a citizen's account, or open it again before its data are erased.",
    )
    account.add_argument("action", choices=("close", "restore"))
    account.add_argument("username")
    resetting = add(
        "reset-second-factor",
        _reset_second_factor,
        "Take away the second factor of an agent who has lost theirs, and end their sessions.",
    )
    resetting.add_argument("username")
    add(
        "encrypt-files",
        _encrypt_files,
        "Encrypt stored files with the first of ESPACE_STORAGE_KEYS, before an old one is taken away.",
    )
    schema = add("schema", _export_schema, "Write schema/schema.graphql.")
    schema.add_argument("--print", action="store_true", help="print it instead")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _develop(settings: Settings, _: argparse.Namespace) -> int:
    from espace.supervisor import run_development

    if not settings.development:
        return _fail("`dev` is for ESPACE_MODE=development: in production run migrate, serve and worker.")
    run_development(settings)
    return 0


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    from espace.serving import serve

    with provide_servers(settings) as settings:
        serve(settings, workers=options.workers, descriptor=options.descriptor)
    return 0


def _work(settings: Settings, _: argparse.Namespace) -> int:
    from jobs.worker import run

    with provide_servers(settings) as settings:
        run(settings)
    return 0


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    from models.database import migrate

    with provide_servers(settings) as settings:
        applied = asyncio.run(migrate(settings))
    print("\n".join(f"Applied {name}" for name in applied) or "Nothing to apply.")
    return 0


def _load(settings: Settings, options: argparse.Namespace) -> int:
    from espace.municipality import load
    from models.municipality_files import MunicipalityFilesError

    try:
        with provide_servers(settings) as settings:
            loaded = asyncio.run(load(settings, options.folder))
    except MunicipalityFilesError as error:
        return _fail("Nothing was loaded:", *error.sentences("en"))
    print(loaded)
    return 0


def _seed(settings: Settings, _: argparse.Namespace) -> int:
    from espace.demonstration import describe, seed

    if not settings.development:
        return _fail("`seed` adds users with a known password: it is for ESPACE_MODE=development.")
    with provide_servers(settings) as settings:
        facts = asyncio.run(seed(settings))
    print("\n".join(f"{name}: {value}" for name, value in describe(facts)))
    return 0


def _save_agent(settings: Settings, options: argparse.Namespace) -> int:
    from espace.agents import save

    password = getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        with provide_servers(settings) as settings:
            asyncio.run(
                save(settings, options.username, password, options.name, options.role, options.procedure)
            )
    except RefusedInputError as error:
        return _fail("The agent was not saved:", *(problem.text.en for problem in error.problems))
    except UsernameTakenError:
        return _fail(f"A citizen has the username {options.username}: choose another one.")
    print(f"{options.username} can log in.")
    return 0


def _change_account(settings: Settings, options: argparse.Namespace) -> int:
    from espace.accounts import close, restore

    try:
        with provide_servers(settings) as settings:
            change = close if options.action == "close" else restore
            print(asyncio.run(change(settings, options.username)))
    except NotFoundError as error:
        return _fail(error.text.en)
    return 0


def _reset_second_factor(settings: Settings, options: argparse.Namespace) -> int:
    from espace.agents import reset_second_factor

    with provide_servers(settings) as settings:
        if not asyncio.run(reset_second_factor(settings, options.username)):
            return _fail(f"No agent {options.username} has a second factor.")
    print(f"{options.username} logs in with the password alone, and can enrol another second factor.")
    return 0


def _encrypt_files(_settings: Settings, _: argparse.Namespace) -> int:
    from uploads.storing.rotation import encrypt_all_again

    try:
        done, failed = asyncio.run(encrypt_all_again())
    except UnavailableError:
        return _fail("The store of files cannot be reached: check ESPACE_STORAGE_URL, then run this again.")
    print(f"{done} files encrypted with the first key.")
    return _fail(f"{failed} could not be: see the log. Keep the old keys.") if failed else 0


def _export_schema(_: Settings, options: argparse.Namespace) -> int:
    from schema.build import EXPORTED, export

    text = export()
    if options.print:
        print(text, end="")
    else:
        EXPORTED.write_text(text, encoding="utf-8")
        print("Wrote schema/schema.graphql.")
    return 0


def _fail(*lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return 1

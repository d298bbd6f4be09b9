"""Mon rendez-vous, told in the terminal: a slot is held, somebody else comes too late and is offered the next one, and
an open calendar shows all of it live.

    make run                                          # in one terminal
    .venv/bin/python client-examples/booking.py       # in another

It is told with what journey.py beside it has, and gives the slot back at the end.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
from journey import CODE, Caller, Data, RefusedError, Story, calling, contact, following, log_in, mail_to, run

PARIS = ZoneInfo("Europe/Paris")


async def tell() -> None:
    story = Story()
    address = f"helene.marchand.{uuid4().hex[:6]}@exemple.example"

    async with calling() as visitor:
        found = (await visitor.run("SearchProcedures", search="legaliser une signature"))["nodes"][0]
        wanted = (await visitor.run("FirstAvailable", procedure=found["slug"]))["firstAvailableSlot"]
        story.says("Visiteuse", f"cherche « {found['title']} » ; 1er dispo : {when(wanted)}")
        draft = await start(visitor, found["slug"])
        other = await start(visitor, found["slug"])
    agent_token = await log_in("agent")

    schedule, day = wanted["schedule"], local(wanted).date()
    span = {"from": day.isoformat(), "to": (day + timedelta(days=30)).isoformat()}
    async with (
        calling(f"Ticket {draft['ticket']}") as visitor,
        calling(f"Ticket {other['ticket']}") as neighbour,
        calling(f"Bearer {agent_token}") as agent,
        following(None, "SlotChanges", schedule=schedule["id"], **span) as calendar,
    ):
        filled = await visitor.run(
            "UpdateRequest",
            request=draft["id"],
            version=draft["version"],
            contact=contact(address),
            answers=answers(),
        )
        story.begins()
        held = (await visitor.run("BookAppointment", request=draft["id"], slot=wanted["id"]))["appointment"]
        until = datetime.fromisoformat(held["heldUntil"]).astimezone(PARIS)
        story.says("Visiteuse", f"choisit ce créneau, qui lui est réservé jusqu’à {until:%H:%M:%S}")
        change = await calendar.until(lambda change: change["id"] == wanted["id"])
        story.says("Calendrier", f"ouvert chez un voisin, le montre en direct : {left(change)}")
        try:
            await neighbour.run("BookAppointment", request=other["id"], slot=wanted["id"])
        except RefusedError as refused:
            offered = refused.result["nextAvailable"]
            story.says("Voisin", f"arrive trop tard, et se voit proposer : {when(offered)}")

        code = await visitor.run("CreateCaptcha", purpose="SUBMIT_REQUEST")
        await visitor.run(
            "SubmitRequest",
            request=draft["id"],
            version=filled["request"]["version"],
            captcha={"captcha": code["id"], "answer": CODE},
        )
        story.says("Visiteuse", "envoie sa demande : le rendez-vous est confirmé")
        story.says("Courriel", (await mail_to(address, "est pris"))["subject"])

        async with httpx.AsyncClient() as agenda:
            calendar_file = (await agenda.get(held["calendarUrl"])).raise_for_status().text
        summary = next(line for line in calendar_file.splitlines() if line.startswith("SUMMARY"))
        story.says("Agenda", f"prend le fichier iCalendar : {summary}")

        later = (await visitor.run("FirstAvailable", procedure=found["slug"], after=wanted["end"]))[
            "firstAvailableSlot"
        ]
        await visitor.run("MoveAppointment", appointment=held["id"], slot=later["id"])
        story.says("Visiteuse", f"le déplace : {when(later)}")
        change = await calendar.until(lambda change: change["id"] == wanted["id"] and change["remaining"])
        story.says("Calendrier", f"montre que le premier s’est libéré : {left(change)}")
        story.says("Courriel", (await mail_to(address, "est déplacé"))["subject"])

        seen = await agent.run("DaySlots", schedule=schedule["id"], day=local(later).date().isoformat())
        coming = next(slot["appointments"] for slot in seen["node"]["slots"] if slot["id"] == later["id"])
        names = ", ".join(
            f"{one['request']['contact']['firstName']} {one['request']['contact']['lastName']}"
            for one in coming
        )
        story.says("Mairie", f"voit qui vient : {names}")

        await visitor.run("CancelRequest", request=draft["id"])
        await neighbour.run("CancelRequest", request=other["id"])
        await calendar.until(lambda change: change["id"] == later["id"] and change["remaining"])
        story.says("Visiteuse", "annule sa demande : le créneau est libre pour d’autres")


async def start(visitor: Caller, procedure: str) -> Data:
    started = await visitor.run("StartRequest", procedure=procedure, idempotencyKey=str(uuid4()))
    draft: Data = started["request"]
    return draft


def local(slot: Data) -> datetime:
    return datetime.fromisoformat(slot["start"]).astimezone(PARIS)


def when(slot: Data) -> str:
    return f"{local(slot):le %d/%m à %H h %M}"


def left(slot: Data) -> str:
    return "plus de place" if not slot["remaining"] else f"{slot['remaining']} place(s)"


def answers() -> list[Data]:
    return [
        {"field": "nature_document", "value": {"text": "Procuration pour une vente"}},
        {"field": "nombre_signatures", "value": {"number": 1}},
        {"field": "langue_etrangere", "value": {"boolean": False}},
    ]


if __name__ == "__main__":
    sys.exit(run(tell()))

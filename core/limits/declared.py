"""The limits, all of them. docs/decisions/0013 says why they are as they are.

They are there for programs: a class of 200 pupils behind one address, who all log in, file and send files in the same
lesson, meets none of them. `ESPACE_RATE_LIMITS` multiplies all amounts.
"""

from __future__ import annotations

from dataclasses import dataclass

MINUTE, HOUR, DAY = 60, 3_600, 86_400
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` in any `seconds`: a sliding window, which the one before counts into by its share."""

    amount: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Limit:
    """How often one thing may be done. `name` is in the keys: rename one, and it counts from zero.

    Counted in the order of the fields, and no further than the first that is met, which is not counted: what is
    refused to one caller takes nothing away from others at their address, what is refused to an address nothing from
    an account, nor from everybody, and who goes on trying has to wait no longer for it.

    `each_caller`    whoever is logged in: account, agent, partner, or the request of a ticket
    `each_address`   an IPv4 address, or the /64 of an IPv6 address; four times as much for a /48
    `each_stranger`  the same, of those alone who are not logged in: visitors and ticket holders
    `each_pair`      a subject from one address, or from the /48 of an IPv6 address
    `each_subject`   what is named, whoever names it: a username, a recipient
    `over_all`       everybody together

    With `remembered` (seconds), a pair that has succeeded counts as `familiar` says and as nothing else, until that
    is used up: whoever fills the other counts does not hold it up. `familiar_with`: the limit that remembers the
    pairs, where it is another one.
    """

    name: str
    each_caller: tuple[Rate, ...] = ()
    each_address: tuple[Rate, ...] = ()
    each_stranger: tuple[Rate, ...] = ()
    each_pair: tuple[Rate, ...] = ()
    each_subject: tuple[Rate, ...] = ()
    over_all: tuple[Rate, ...] = ()
    familiar: tuple[Rate, ...] = ()
    remembered: int = 0
    familiar_with: str = ""

    def scopes(self) -> tuple[tuple[str, tuple[Rate, ...]], ...]:
        """What is counted, narrow before wide."""
        return (
            ("caller", self.each_caller),
            ("address", self.each_address),
            ("stranger", self.each_stranger),
            ("pair", self.each_pair),
            ("subject", self.each_subject),
            ("all", self.over_all),
        )


LOG_IN = Limit(
    "LOG_IN",
    each_address=(Rate(400, 10 * MINUTE), Rate(3_000, DAY)),
    each_pair=(Rate(10, 15 * MINUTE),),
    # More than two addresses can use up by what each has: one alone cannot hold anybody up elsewhere.
    each_subject=(Rate(100, HOUR),),
    over_all=(Rate(6_000, 10 * MINUTE),),
    familiar=(Rate(30, 10 * MINUTE),),
    remembered=90 * DAY,
)
"""Subject: the username. Attempts count, whether they succeed or not."""

OPENID = Limit(
    "OPENID", each_address=(Rate(800, 10 * MINUTE), Rate(6_000, DAY)), over_all=(Rate(12_000, 10 * MINUTE),)
)
"""Log-ins with an identity: once as they begin, once as they come back."""

SECOND_FACTOR = Limit(
    "SECOND_FACTOR",
    each_subject=(Rate(10, 10 * MINUTE), Rate(100, DAY)),
    over_all=(Rate(3_000, 10 * MINUTE),),
    familiar=(Rate(10, 10 * MINUTE), Rate(100, DAY)),
    remembered=90 * DAY,
)
"""Subject: the agent. Codes after a right password: whoever knows it has one chance in 3,000 a day to guess one, and
does not hold up an agent at an address where they have logged in before."""

PASSWORD = Limit("PASSWORD", each_caller=(Rate(10, 15 * MINUTE),), over_all=(Rate(6_000, 10 * MINUTE),))
"""A password that somebody who is logged in is asked for again. Counted for the account, whatever it is asked for."""

TICKET = Limit(
    "TICKET",
    each_address=(Rate(600, 10 * MINUTE),),
    over_all=(Rate(30_000, 10 * MINUTE),),
    familiar=(Rate(600, 10 * MINUTE),),
    remembered=DAY,
)
"""Looking a request up by its ticket. Subject: the ticket."""

NEW_PASSWORD = Limit(
    "NEW_PASSWORD",
    each_address=(Rate(200, HOUR),),
    each_pair=(Rate(5, HOUR),),
    each_subject=(Rate(20, HOUR),),
    over_all=(Rate(2_000, HOUR),),
    familiar=(Rate(5, HOUR),),
    familiar_with=LOG_IN.name,
)
"""Subject: the username or e-mail address that was typed, whether or not there is such an account."""

NEW_PASSWORD_MAIL = Limit("NEW_PASSWORD_MAIL", each_subject=(Rate(10, HOUR), Rate(30, DAY)))
"""What comes of it. Subject: the recipient. Apart from other mail, which anybody could use up before."""

CREATE_ACCOUNT = Limit("CREATE_ACCOUNT", each_address=(Rate(500, HOUR),), over_all=(Rate(3_000, HOUR),))

CAPTCHA = Limit("CAPTCHA", each_address=(Rate(1_000, 10 * MINUTE),), over_all=(Rate(20_000, 10 * MINUTE),))
"""Making a challenge."""

CAPTCHA_PICTURE = Limit("CAPTCHA_PICTURE", each_address=(Rate(1_000, 10 * MINUTE),))
"""Looking at one; `CAPTCHA_RECORDING`: listening to one; `CAPTCHA_AUDIO`: having one read aloud."""

CAPTCHA_RECORDING = Limit("CAPTCHA_RECORDING", each_address=(Rate(1_000, 10 * MINUTE),))

CAPTCHA_AUDIO = Limit(
    "CAPTCHA_AUDIO", each_address=(Rate(100, 10 * MINUTE),), over_all=(Rate(1_000, 10 * MINUTE),)
)

LINK_PARTNER = Limit(
    "LINK_PARTNER",
    each_caller=(Rate(10, HOUR), Rate(20, DAY)),
    each_address=(Rate(100, 10 * MINUTE), Rate(500, DAY)),
    each_pair=(Rate(10, HOUR), Rate(20, DAY)),
    # More than two accounts, or addresses, can use up: one alone cannot hold a family up.
    each_subject=(Rate(30, HOUR), Rate(60, DAY)),
    over_all=(Rate(2_000, HOUR),),
)
"""Having a partner check a code and a password. Subject: the partner and the code."""

OPEN_PARTNER = Limit("OPEN_PARTNER", each_caller=(Rate(60, 10 * MINUTE),), over_all=(Rate(20_000, HOUR),))

START_REQUEST = Limit(
    "START_REQUEST",
    each_caller=(Rate(100, HOUR),),
    each_address=(Rate(600, HOUR),),
    over_all=(Rate(10_000, HOUR),),
)

SUBMIT_REQUEST = Limit(
    "SUBMIT_REQUEST",
    each_caller=(Rate(100, HOUR),),
    each_address=(Rate(1_000, HOUR),),
    over_all=(Rate(10_000, HOUR),),
)

APPOINTMENT = Limit(
    "APPOINTMENT",
    each_caller=(Rate(60, 15 * MINUTE), Rate(300, DAY)),
    each_stranger=(Rate(60, 15 * MINUTE), Rate(400, DAY)),
)
"""Booking and moving. In the time that a draft keeps its slot: so many slots strangers at one address keep from others
at most. Not over all: that would be a switch that closes all calendars."""

HOLD = Limit("HOLD", each_caller=(Rate(40, 15 * MINUTE),))
"""Slots that drafts of one account take, likewise."""

POST_EXCHANGE = Limit(
    "POST_EXCHANGE",
    each_caller=(Rate(20, 5 * MINUTE), Rate(200, DAY)),
    each_stranger=(Rate(300, HOUR),),
    over_all=(Rate(20_000, HOUR),),
)

MAIL = Limit("MAIL", each_subject=(Rate(15, HOUR), Rate(50, DAY)), over_all=(Rate(10_000, HOUR),))
"""Mail to an address that whoever causes it has not proved to be theirs. Subject: the recipient."""

MAIL_OF_REQUEST = Limit("MAIL_OF_REQUEST", each_caller=(Rate(4, DAY),))
"""Mail about what somebody changes in a request that is filed, before it counts for its recipient: so nobody who fills
a mailbox keeps others from cancelling what they filed with that address."""

MAIL_OF_ACCOUNT = Limit(
    "MAIL_OF_ACCOUNT", each_caller=(Rate(60, HOUR), Rate(300, DAY)), over_all=(Rate(20_000, HOUR),)
)
"""Mail that a citizen's own doing sends. To their own address it counts here only: nobody else uses that up."""

CONFIRMATION = Limit(
    "CONFIRMATION", each_caller=(Rate(5, HOUR),), each_subject=(Rate(10, HOUR), Rate(30, DAY))
)
"""Mail to addresses that are to be confirmed. Subject: the recipient."""

UPLOAD = Limit(
    "UPLOAD",
    each_caller=(Rate(1_500, 10 * MINUTE),),
    each_address=(Rate(10_000, 10 * MINUTE),),
    over_all=(Rate(100_000, 10 * MINUTE),),
)
"""Requests that bring files: GraphQL multipart, and each one of tus."""

UPLOAD_BYTES = Limit(
    "UPLOAD_BYTES",
    each_caller=(Rate(1_024 * MEBIBYTE, HOUR),),
    each_address=(Rate(10_240 * MEBIBYTE, HOUR),),
    over_all=(Rate(102_400 * MEBIBYTE, HOUR),),
)

COST_OF_CALLER = Limit("COST", each_caller=(Rate(400_000, MINUTE),))
COST_OF_ADDRESS = Limit("COST", each_address=(Rate(1_500_000, MINUTE),))
"""What operations cost (schema/limits.py): of whoever is logged in, and, of all others, of their address. A field takes
some 20 µs, so these are 8 s and 30 s of one processor in a minute. Not over all: that would be a switch to turn the
service off for everybody; against many callers at once more processes help."""

LIMITS = (
    LOG_IN,
    OPENID,
    SECOND_FACTOR,
    PASSWORD,
    TICKET,
    NEW_PASSWORD,
    NEW_PASSWORD_MAIL,
    CREATE_ACCOUNT,
    CAPTCHA,
    CAPTCHA_PICTURE,
    CAPTCHA_RECORDING,
    CAPTCHA_AUDIO,
    LINK_PARTNER,
    OPEN_PARTNER,
    START_REQUEST,
    SUBMIT_REQUEST,
    APPOINTMENT,
    HOLD,
    POST_EXCHANGE,
    MAIL,
    MAIL_OF_REQUEST,
    MAIL_OF_ACCOUNT,
    CONFIRMATION,
    UPLOAD,
    UPLOAD_BYTES,
    COST_OF_CALLER,
    COST_OF_ADDRESS,
)

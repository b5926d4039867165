"""Reads below the declared USM level: whether the agent insists on what the site file declares.

What goes out is no more than every declared read shows already: the user's name is in clear in any USM message, and the
digest of an authNoPriv request is made like that of an authPriv one (RFC 3414, section 6.3.1), so whoever listens gains
no better start on the passphrase. The one variable asked for, sysUpTime.0, is nobody's secret if it comes back in clear.
It is asked of the declared address alone, whose channel refuses any other (promise 5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import CollectFailure
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

from .facts import LEVELS, Level, LevelAttempt
from .oids import SYSTEM_SCALARS
from .usm import AgentError, Denied, UsmSession

if TYPE_CHECKING:
    from r2s_audit.model.administration import SnmpV3

    from .channel import Channel

_SAYS_NO = {"UnsupportedSecurityLevel", "UnknownUserName", "noAccess", "authorizationError"}
"""What refuses a level (RFC 3414, section 3.2; RFC 3416, section 3). A wrong digest or a missed time window is about the
message, not the level, and an unknown user is one only at the level that is refused: the controls show that he is known."""
_ENDS = {Failure.REFUSED, Failure.UNREACHABLE, Failure.LIMIT_EXCEEDED}


def declared_level(snmp: SnmpV3) -> Level:
    """The level of a declared access."""
    return "authPriv" if snmp.priv_protocol else "authNoPriv" if snmp.auth_protocol else "noAuthNoPriv"


def below(snmp: SnmpV3) -> tuple[Level, ...]:
    """The levels below the declared one, weakest first."""
    return LEVELS[: LEVELS.index(declared_level(snmp))]


def weakened(snmp: SnmpV3, level: Level) -> SnmpV3:
    """The declared access without what a lower level leaves out."""
    without: dict[str, None] = {"priv_protocol": None, "priv_secret": None}
    if level == "noAuthNoPriv":
        without |= {"auth_protocol": None, "auth_secret": None}
    return snmp.model_copy(update=without)


async def attempt(channel: Channel, snmp: SnmpV3, level: Level, auth_key: str | None) -> LevelAttempt:
    """One read at a lower level.

    Raises:
        CollectFailure: the port is closed or gone, or the request's cost is used up: the observation ends.
    """
    session = UsmSession(channel, weakened(snmp, level), auth_key if level != "noAuthNoPriv" else None, None)
    try:
        bindings = await session.get([SYSTEM_SCALARS["sysUpTime"]])
    except Denied as error:
        outcome = "denied" if error.by in _SAYS_NO else "unclear"
        return LevelAttempt.model_validate({"level": level, "outcome": outcome, "by": error.by, "reason": error.reason})
    except CollectFailure as error:
        if error.failure in _ENDS:
            raise
        silent = error.failure is Failure.TIMEOUT
        return LevelAttempt(level=level, outcome="silence" if silent else "unclear", reason=error.reason)
    except AgentError as error:
        reason = msg("l'agent répond par l'erreur {status}", status=error.status)
        return LevelAttempt(level=level, outcome="unclear", reason=reason)
    finally:
        session.close()
    return LevelAttempt(level=level, outcome="value" if any(b.value is not None for b in bindings) else "empty")

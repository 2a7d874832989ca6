"""Whether the URL of a database can be read as it was meant. Pure; what it says never holds a piece of the URL."""

from __future__ import annotations


def fault(url: str) -> str | None:
    """Why `url` cannot be split into user, password, host and name; None when it can.

    In a URL the signs @ : / ? # part its pieces (RFC 3986, section 2.2), so in a password they have to be written
    otherwise; else a piece of the password is taken for a host, and shown.
    """
    place, _, _ = url.partition("://")[2].partition("?")
    before, at, after = place.rpartition("@")
    if at and ("@" in before or "/" in before):
        return "its password has a sign that parts a URL: write @ as %40, : as %3A, / as %2F, ? as %3F and # as %23"
    _, _, port = after.partition("/")[0].rpartition("]")[2].partition(":")
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        return "its port is no number from 1 to 65535"
    return None

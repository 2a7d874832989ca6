"""When two addresses are one, and which are none."""

from __future__ import annotations


def normal_address(text: str) -> str:
    """`text` as the address it is kept under: the domain normalised (RFC 5891), all in lower case.

    Mailboxes that differ only in case are one reader in practice, though RFC 5321 section 2.4 would allow two. A domain
    without a dot is allowed: a lab's own host is one (but not localhost, which is everybody's). Raises ValueError with
    one sentence when it is not an address.
    """
    # Imported here: it costs 30 ms, and only the reading of addresses needs it.
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(text.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError as error:
        raise ValueError(f"“{text}” is not an e-mail address: {error}") from None
    return checked.normalized.lower()

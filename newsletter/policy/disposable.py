"""Domains whose mailboxes are thrown away after minutes or days."""

from __future__ import annotations

# The large ones by use; there are thousands that come and go within a week, and no list keeps up with those.
_DOMAINS = frozenset(
    """
    10minutemail.com 10minutemail.net 20minutemail.com burnermail.io byom.de
    discard.email discardmail.com discardmail.de dispostable.com dropmail.me einrot.com emailondeck.com
    fakeinbox.com fakemail.net getairmail.com getnada.com grr.la guerrillamail.biz guerrillamail.com
    guerrillamail.de guerrillamail.info guerrillamail.net guerrillamail.org guerrillamailblock.com harakirimail.com
    inboxbear.com inboxkitten.com incognitomail.org jetable.org mail-temp.com mail.tm mail7.io mailcatch.com
    maildrop.cc mailexpire.com mailinator.com mailinator.net mailinator2.com mailmetrash.com mailnesia.com mailnull.com
    mailpoof.com mailsac.com minutemail.com mintemail.com moakt.cc moakt.com mohmal.com mytemp.email mytrashmail.com
    nada.email notmailinator.com pokemail.net sharklasers.com sogetthis.com spam4.me spambog.com spambox.us
    spamex.com spamhereplease.com tempail.com tempinbox.com temp-mail.io temp-mail.org temp-mail.ru
    tempmail.com tempmail.dev tempmail.net tempmail.plus tempmailo.com tempr.email throwaway.email throwawaymail.com
    tmpmail.net tmpmail.org trash-mail.com trashmail.com trashmail.de trashmail.io trashmail.me trashmail.net
    trashmail.ws wegwerfemail.de wegwerfmail.de wegwerfmail.net wegwerfmail.org yopmail.com yopmail.fr yopmail.net
    """.split()
)


def is_disposable(address: str) -> bool:
    """Whether `address`, normalised, is at one of them, or at a host below one."""
    labels = address.rpartition("@")[2].split(".")
    return any(".".join(labels[start:]) in _DOMAINS for start in range(len(labels)))

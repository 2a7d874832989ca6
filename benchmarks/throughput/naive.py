"""The way everyone writes it: a template and an inliner for each reader, EmailMessage, smtplib, one after the other.

    python naive.py LETTERS PORT MESSAGES REPORT premailer|css-inline [rsa|ed25519 KEY]

The words are those of this project's own messages; the templates `digest.html` and `digest.txt` are as one writes them,
and the connection is kept.
"""

from __future__ import annotations

import json
import resource
import smtplib
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, make_msgid
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

SENDER, DOMAIN = "papers@example.org", "example.org"


def inliner(kind: str) -> Callable[[str], str]:
    """Writes style rules into the elements, by one of the two libraries, as their front pages say."""
    if kind == "css-inline":
        import css_inline

        return css_inline.inline
    import premailer

    # Both are faster than their defaults: warnings are looked for with cssutils otherwise.
    return lambda html: str(premailer.transform(html, disable_validation=True, cssutils_logging_level="CRITICAL"))


def signature(message: bytes, selector: str, key: bytes) -> bytes:
    """The DKIM-Signature header of `message`, as dkimpy makes it."""
    import dkim

    algorithm = {"rsa": b"rsa-sha256", "ed25519": b"ed25519-sha256"}[selector]
    return bytes(
        dkim.sign(
            message,
            selector.encode(),
            DOMAIN.encode(),
            key,
            canonicalize=(b"relaxed", b"simple"),
            signature_algorithm=algorithm,
        )
    )


def key_for_dkimpy(selector: str, path: Path) -> bytes:
    """A private key as dkimpy takes it: PEM for RSA, the bare 32 octets in base64 for Ed25519."""
    pem = path.read_bytes()
    if selector == "rsa":
        return pem
    from base64 import b64encode

    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

    raw = load_pem_private_key(pem, None).private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return b64encode(raw)


def compose(letters: Any, reader: Any, environment: Environment, inline: Callable[[str], str]) -> EmailMessage:
    """The message for one reader."""
    sections = letters["sets"][reader["set"]]
    subject = f"{sections[0]['papers'][0]['title']} + 11 papers"
    values = {"reader": reader, "sections": sections, "day": letters["day"], "subject": subject}
    message = EmailMessage()
    message["From"] = formataddr(("Trending Papers", SENDER))
    message["To"] = formataddr((reader["name"], reader["address"]))
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=DOMAIN)
    message["List-Unsubscribe"] = f"<https://papers.example.org/unsubscribe/{reader['token']}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(environment.get_template("digest.txt").render(values))
    message.add_alternative(inline(environment.get_template("digest.html").render(values)), subtype="html")
    return message


def main() -> None:
    path, port, messages, report, kind, *signed = sys.argv[1:]
    letters = json.loads(Path(path).read_text(encoding="utf-8"))
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(["html"]))
    inline = inliner(kind)
    key = key_for_dkimpy(signed[0], Path(signed[1])) if signed else b""
    begun, used, octets = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF), 0
    with smtplib.SMTP("127.0.0.1", int(port)) as relay:
        for reader in letters["readers"][: int(messages)]:
            content = compose(letters, reader, environment, inline).as_bytes(policy=SMTP)
            if signed:
                content = signature(content, signed[0], key) + content
            relay.sendmail(SENDER, [reader["address"]], content)
            octets += len(content)
    now = resource.getrusage(resource.RUSAGE_SELF)
    taken = {
        "seconds": time.perf_counter() - begun,
        "cpu": now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime,
        "size": octets / int(messages),
    }
    Path(report).write_text(json.dumps(taken), encoding="utf-8")


if __name__ == "__main__":
    main()

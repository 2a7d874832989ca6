"""What a relay's log says it took."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.mail.postfix_log import Received, received

LOG = """\
Mar 12 07:00:01 mx postfix/smtpd[311]: 4F2A1C0D3E: client=app.lab.example[192.0.2.7]
Mar 12 07:00:01 mx postfix/cleanup[312]: 4F2A1C0D3E: message-id=<2025-03-12.aa@lab.example>
Mar 12 07:00:01 mx postfix/qmgr[99]: 4F2A1C0D3E: from=<papers@lab.example>, size=51832, nrcpt=1 (queue active)
Mar 12 07:00:03 mx postfix/smtp[313]: 4F2A1C0D3E: to=<ada@example.org>, relay=mx.example.org[192.0.2.9]:25, delay=2, \
delays=0/0/1/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 77)
Mar 12 07:00:04 mx postfix/submission/cleanup[312]: 3ZJ8kQ1xYzz0m: message-id=<2025-03-12.bb@lab.example>
2025-03-12T07:00:05.123456+00:00 mx postfix/cleanup[312]: 5A5A5A5A5A: message-id=<2025-03-12.cc@lab.example>
2025-03-12T07:00:06.123456+00:00 mx postfix/smtp[313]: 5A5A5A5A5A: to=<c@example.org>, relay=none, dsn=5.1.1, \
status=bounced (host said: 550 5.1.1 no such user)
Mar 12 07:00:07 mx postfix/cleanup[312]: warning: something else
Mar 12 07:00:08 mx postfix/cleanup[312]: 6B6B6B6B6B: message-id=<2025-03-12.dd@lab.example>
Mar 12 07:00:08 mx postfix/qmgr[99]: 6B6B6B6B6B: from=<papers@lab.example>, size=51832, nrcpt=1 (queue active)
"""


def test_what_was_received_is_found_with_the_last_word_on_it() -> None:
    found = received(LOG.splitlines())
    assert found["<2025-03-12.aa@lab.example>"] == Received(
        "<2025-03-12.aa@lab.example>", "4F2A1C0D3E", "sent (250 2.0.0 Ok: queued as 77)"
    )
    assert found["<2025-03-12.dd@lab.example>"].words == "queued"
    assert found["<2025-03-12.cc@lab.example>"].words.startswith("bounced (host said: 550")
    assert len(found) == 3


def test_a_message_that_was_cut_off_was_not_received() -> None:
    """Postfix writes the cleanup line at the header, before it has the rest."""
    assert "<2025-03-12.bb@lab.example>" not in received(LOG.splitlines())


def test_a_line_that_only_quotes_a_log_counts_for_nothing() -> None:
    forged = "Mar 12 07:00:01 mx app[1]: user says message-id=<2025-03-12.zz@lab.example>"
    assert received([forged]) == {}


@given(st.lists(st.text(max_size=200) | st.sampled_from(LOG.splitlines()), max_size=20))
def test_any_lines_are_read(lines: list[str]) -> None:
    for entry in received(lines).values():
        assert entry.message_id.startswith("<")
        assert entry.queue_id

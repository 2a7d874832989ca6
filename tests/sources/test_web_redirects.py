"""Redirects: a stranger's word. Where they may lead, and what goes along."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from web_server import AT_ONCE, Reply, WebServer, opened

from newsletter.errors import SourceError
from newsletter.sources.base import Habits
from newsletter.sources.web import addresses as web_addresses
from newsletter.sources.web import asking as web_module
from newsletter.sources.web.addresses import is_public, redirected, same_origin
from newsletter.sources.web.faults import Fault

TOKEN = {"Authorization": "Bearer very-secret", "X-Api-Key": "very-secret"}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(web_module, "JITTER", 0.01)


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with WebServer() as one:
        yield one


def leads(to: str, status: int = 302) -> Reply:
    return Reply(status, b"moved", {"Location": to})


@pytest.mark.parametrize(
    "place",
    [
        "http://127.0.0.1:{port}/in",
        "http://[::1]:{port}/in",
        "http://[::ffff:127.0.0.1]:{port}/in",
        "http://localhost:{port}/in",
        "http://LOCALHOST.:{port}/in",
        "http://2130706433:{port}/in",
        "http://0x7f000001:{port}/in",
        "http://017700000001:{port}/in",
        "http://0177.0.0.1:{port}/in",
        "http://127.1:{port}/in",
        "http://0:{port}/in",
        "http://0.0.0.0:{port}/in",
        "http://[::]:{port}/in",
        "http://127.0.0.%31:{port}/in",
        "http://[::1%25lo]:{port}/in",
        "http://[fe80::1%25lo]:{port}/in",
        "http://①②⑦.⓪.⓪.①:{port}/in",
        "http://user:very-secret@localhost:{port}/in",
        "http://user@93.184.216.34/",
        "//127.0.0.1:{port}/in",
        "/in",
        "in",
        "?in",
        "\\\\127.0.0.1:{port}\\in",
        "https://127.0.0.1:{port}/in",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://10.0.0.1/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "gopher://127.0.0.1:25/_EHLO",
        "javascript:alert(1)",
        "data:text/plain,x",
        "http://",
        "http:///x",
        "http://h:0/",
        "http://h:65536/",
        "http://[::1/",
        "http://xn--/",
        "http://a b/",
        "http://" + "h" * 70_000,
        "",
    ],
)
async def test_where_no_redirect_leads(server: WebServer, tmp_path: Path, place: str) -> None:
    server.answer("/out", leads(place.replace("{port}", str(server.port)).encode().decode("latin-1")))
    server.answer("/in", Reply(body=b"private"))
    async with opened(tmp_path) as web:
        with pytest.raises(SourceError) as caught:
            await web.ask("mine", f"{server.url}/out", AT_ONCE)
    sentence = str(caught.value)
    assert sentence.isprintable()
    assert len(sentence) < 700
    assert "very-secret" not in sentence
    assert {request.target for request in server.requests} == {"/out"}


async def test_the_sentence_names_both_ends_and_the_remedy(server: WebServer, tmp_path: Path) -> None:
    server.answer("/out", leads("http://localhost:1/in?token=abc"))
    async with opened(tmp_path) as web:
        with pytest.raises(SourceError) as caught:
            await web.ask("mine", f"{server.url}/out", AT_ONCE)
    assert str(caught.value) == (
        f"source mine: http://localhost:1/in?token=*** (where {server.url}/out redirects to) is on a private network; "
        "if you trust it, add “localhost” to allow_hosts in [collecting]"
    )


@pytest.mark.parametrize(
    ("place", "allowed"),
    [
        ("http://localhost:{port}/in", {"localhost"}),
        ("http://LOCALHOST:{port}/in", {"Localhost."}),
        ("http://127.0.0.1:{port}/in", {"127.0.0.1"}),
        ("/in", {"127.0.0.1", "other.example"}),
    ],
)
async def test_a_host_that_is_allowed_by_name(server: WebServer, tmp_path: Path, place: str, allowed: set[str]) -> None:
    server.answer("/out", leads(place.format(port=server.port)))
    server.answer("/in", Reply(body=b"trusted"))
    async with opened(tmp_path, allowed=allowed) as web:
        answer = await web.ask("mine", f"{server.url}/out", AT_ONCE)
    assert answer.body == b"trusted"
    assert answer.request == f"{server.url}/out"


async def test_allowed_is_the_name_and_not_what_it_means(server: WebServer, tmp_path: Path) -> None:
    server.answer("/out", leads(f"http://2130706433:{server.port}/in"))
    async with opened(tmp_path, allowed={"127.0.0.1", "localhost"}) as web:
        with pytest.raises(SourceError, match="private network"):
            await web.ask("mine", f"{server.url}/out", AT_ONCE)


async def test_five_redirects_are_followed_and_a_loop_ends(server: WebServer, tmp_path: Path) -> None:
    for number in range(6):
        server.answer(f"/{number}", leads(f"/{number + 1}"))
    server.answer("/6", Reply(body=b"there"))
    server.answer("/loop", leads("/loop"))
    async with opened(tmp_path, allowed={"127.0.0.1"}) as web:
        assert (await web.ask("mine", f"{server.url}/1", AT_ONCE)).body == b"there"
        for start in ("/0", "/loop"):
            server.requests.clear()
            with pytest.raises(SourceError, match="one redirect too many: only 5"):
                await web.ask("mine", f"{server.url}{start}", AT_ONCE)
            assert len(server.requests) == 6


async def test_the_token_stays_with_its_host(server: WebServer, tmp_path: Path) -> None:
    async with WebServer() as other:
        server.answer("/here", leads("/same"))
        server.answer("/same", leads(f"{other.url}/there"))
        other.answer("/there", leads(f"{server.url}/back"))
        server.answer("/back", Reply(body=b"x"))
        async with opened(tmp_path, allowed={"127.0.0.1"}) as web:
            await web.ask("mine", f"{server.url}/here", Habits(pace=0, headers=TOKEN))
        [there] = other.requests
    sent = {request.target: request.headers for request in server.requests}
    assert (sent["/same"]["authorization"], sent["/same"]["x-api-key"]) == ("Bearer very-secret", "very-secret")
    for headers in (there.headers, sent["/back"]):  # not even when a stranger leads back
        assert "very-secret" not in " ".join(headers.values())


async def test_credentials_of_the_first_address_stay_there(server: WebServer, tmp_path: Path) -> None:
    async with WebServer() as other:
        server.answer("/here", leads(f"{other.url}/there"))
        other.answer("/there", Reply(body=b"x"))
        url = f"http://user:very-secret@127.0.0.1:{server.port}/here"
        async with opened(tmp_path, allowed={"127.0.0.1"}) as web:
            await web.ask("mine", url, AT_ONCE)
        assert "authorization" in server.requests[0].headers
        assert "authorization" not in other.requests[0].headers


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://h/", "http://h/x", True),
        ("http://h/", "http://H:80/", True),
        ("http://h/", "https://h/", True),
        ("https://h/", "http://h/", False),
        ("https://h/", "https://h:8443/", False),
        ("http://h:8080/", "https://h/", False),
        ("http://h/", "http://h.evil/", False),
        ("http://h/", "http://sub.h/", False),
    ],
)
def test_the_same_origin(one: str, other: str, same: bool) -> None:
    assert same_origin(httpx.URL(one), httpx.URL(other)) is same


@pytest.mark.parametrize(
    ("status", "methods"),
    [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")],
)
async def test_what_becomes_of_a_post(server: WebServer, tmp_path: Path, status: int, methods: str) -> None:
    server.answer("/out", leads("/in", status))
    server.answer("/in", Reply(body=b"x"))
    async with opened(tmp_path, allowed={"127.0.0.1"}) as web:
        await web.ask("mine", f"{server.url}/out", AT_ONCE, json=["secret question"])
    assert [request.method for request in server.requests] == ["POST", methods]
    assert bool(server.requests[1].body) is (methods == "POST")
    assert ("content-type" in server.requests[1].headers) is (methods == "POST")


@pytest.mark.parametrize("status", [307, 308])
async def test_a_question_never_goes_elsewhere(server: WebServer, tmp_path: Path, status: int) -> None:
    async with WebServer() as other:
        server.answer("/out", leads(f"{other.url}/in", status))
        async with opened(tmp_path, allowed={"127.0.0.1"}) as web:
            with pytest.raises(SourceError, match="elsewhere, where the question is not sent"):
                await web.ask("mine", f"{server.url}/out", AT_ONCE, json=["secret question"])
        assert not other.requests


async def test_a_not_modified_behind_a_redirect(server: WebServer, tmp_path: Path) -> None:
    server.answer("/out", leads("/in"))
    server.answer("/in", Reply(body=b"x", headers={"ETag": '"one"'}), Reply(304))
    async with opened(tmp_path, allowed={"127.0.0.1"}) as web:
        for fresh in (True, False):
            answer = await web.ask("mine", f"{server.url}/out", AT_ONCE)
            assert (answer.body, answer.fresh) == (b"x", fresh)
    assert server.requests[-1].headers["if-none-match"] == '"one"'


@pytest.fixture
def _loopback_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no public address to test with: these count as public here, and nothing else does."""
    monkeypatch.setattr(web_addresses, "is_public", {"127.0.0.1", "127.0.0.2", "127.0.0.9"}.__contains__)


def resolving(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[list[str]]]) -> list[str]:
    """Answers for `names`, one list of addresses after the other. Returned are the names that were asked for."""
    real, asked = socket.getaddrinfo, []

    def getaddrinfo(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in names:
            return real(host, port, *rest, **more)
        asked.append(name)
        found = names[name].pop(0) if len(names[name]) > 1 else names[name][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.usefixtures("_loopback_is_public")
async def test_what_was_checked_is_what_is_connected_to(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers the check with one address and the connection with another."""
    asked = resolving(monkeypatch, {"rebinding.example": [["127.0.0.1"], ["127.0.0.9"]]})
    server.answer("/out", leads(f"http://rebinding.example:{server.port}/in"))
    server.answer("/in", Reply(body=b"x"))
    async with opened(tmp_path) as web:
        assert (await web.ask("mine", f"{server.url}/out", AT_ONCE)).body == b"x"
    assert asked == ["rebinding.example"]
    assert server.requests[1].headers["host"] == f"rebinding.example:{server.port}"


@pytest.mark.usefixtures("_loopback_is_public")
async def test_one_private_address_among_others_is_enough(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, {"mixed.example": [["127.0.0.1", "10.0.0.1"]]})
    server.answer("/out", leads(f"http://mixed.example:{server.port}/in"))
    async with opened(tmp_path) as web:
        with pytest.raises(SourceError, match="private network"):
            await web.ask("mine", f"{server.url}/out", AT_ONCE)


@pytest.mark.usefixtures("_loopback_is_public")
async def test_the_next_address_is_tried(server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, {"two.example": [["127.0.0.9", "127.0.0.1"]], "none.example": [["127.0.0.9"]]})
    server.answer("/out", leads(f"http://two.example:{server.port}/in"), leads(f"http://none.example:{server.port}/in"))
    server.answer("/in", Reply(body=b"x"))
    async with opened(tmp_path) as web:
        assert (await web.ask("mine", f"{server.url}/out", AT_ONCE)).body == b"x"
        with pytest.raises(SourceError, match=r"none\.example.* the connection is refused"):
            await web.ask("mine", f"{server.url}/out", AT_ONCE)


@pytest.mark.usefixtures("_loopback_is_public")
async def test_a_checked_address_goes_around_the_proxy(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, {"there.example": [["127.0.0.1"]]})
    async with WebServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        proxy.answer("http://here.example/out", leads(f"http://there.example:{server.port}/in"))
        server.answer("/in", Reply(body=b"x"))
        async with opened(tmp_path) as web:
            assert (await web.ask("mine", "http://here.example/out", AT_ONCE)).body == b"x"
        assert len(proxy.requests) == 1


def certified(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate of its own making for `names`, to trust, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return path, context


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.mark.usefixtures("_loopback_is_public")
async def test_the_certificate_must_be_for_the_name_though_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, context = certified(tmp_path, "good.example", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    resolving(monkeypatch, {"good.example": [["127.0.0.1"]], "evil.example": [["127.0.0.1"]]})
    async with WebServer(tls=context) as server:
        names = []
        context.sni_callback = lambda connection, name, _: names.append(name)
        server.answer("/good", leads(f"https://good.example:{server.port}/in"))
        server.answer("/evil", leads(f"https://evil.example:{server.port}/in"))
        server.answer("/in", Reply(body=b"x"))
        async with opened(tmp_path) as web:
            assert (await web.ask("mine", f"{server.url}/good", AT_ONCE)).body == b"x"
            with pytest.raises(SourceError, match=r"evil\.example.* has no valid certificate"):
                await web.ask("mine", f"{server.url}/evil", AT_ONCE)
        assert [name for name in names if name] == ["good.example", "evil.example"]
        assert [request.target for request in server.requests] == ["/good", "/in", "/evil"]


async def test_tls_faults_in_words(tmp_path: Path) -> None:
    _, context = certified(tmp_path, "127.0.0.1")
    async with WebServer(tls=context) as untrusted, opened(tmp_path) as web:
        with pytest.raises(SourceError, match="has no valid certificate; check the address, the clock"):
            await web.ask("mine", untrusted.url, AT_ONCE)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    plain = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with plain, opened(tmp_path) as web:
        with pytest.raises(SourceError, match="TLS failed; check that the address and its port speak https"):
            await web.ask("mine", f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}/", AT_ONCE)


@pytest.mark.parametrize(
    "ip",
    "93.184.216.34 8.8.8.8 2606:2800:220:1:248:1893:25c8:1946 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1".split(),
)
def test_public_addresses(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    """127.0.0.1 127.255.255.254 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0
    0.1.2.3 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::7f00:1 ::ffff:0:7f00:1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::808:808
    fc00::1 fd12::1 fe80::1 fe80::1%lo fec0::1 ff02::1 2001:db8::1 2001::1 2002:7f00:1:: 2002:a00:1:: 100::1 5f00::1
    localhost 127.1""".split(),
)
def test_addresses_that_are_not_public(ip: str) -> None:
    assert not is_public(ip)


@settings(deadline=None, max_examples=300)
@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_all_its_ipv6_clothes(ip: ipaddress.IPv4Address) -> None:
    for clothed in (0xFFFF << 32 | int(ip), 0x64FF9B << 96 | int(ip), 0x2002 << 112 | int(ip) << 80):
        assert is_public(str(ipaddress.IPv6Address(clothed))) is is_public(str(ip))


@settings(deadline=None, max_examples=500)
@given(st.one_of(st.text(max_size=40), st.text(alphabet="htps:/.@[]%0127f\\?#x", max_size=30)))
def test_no_location_surprises(location: str) -> None:
    """Whatever a header says: an address that could be asked, or a Fault."""
    with suppress(Fault):
        target = redirected(httpx.URL("https://example.org/a?b"), location)
        assert target.scheme in {"http", "https"}
        assert target.raw_host
        assert not target.userinfo


async def test_a_slow_resolver_is_not_waited_for(
    server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    server.answer("/out", leads("http://slow.example/"))
    async with opened(tmp_path) as web:
        with pytest.raises(SourceError, match=r"slow\.example.* gave no whole answer within 0\.2 seconds"):
            await web.ask("mine", f"{server.url}/out", Habits(pace=0, timeout=0.2))

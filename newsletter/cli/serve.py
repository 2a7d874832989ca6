"""`newsletter serve`: the web page."""

from __future__ import annotations

from contextlib import nullcontext
from ipaddress import ip_network
from typing import Annotated

import typer

from newsletter.cli.console import answer, configuration, go, remark
from newsletter.cli.dispatching import confirming
from newsletter.cli.looking import scheduling

HOST, PORT = "127.0.0.1", 8080


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 is every one of this machine.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 is any free one.")] = PORT,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy-headers",
            metavar="ADDRESS",
            help="Believe X-Forwarded-For and -Proto of this proxy, a network of them, or (*) of everybody; may be "
            "given several times.",
        ),
    ] = None,
    root: Annotated[
        str, typer.Option("--root-path", metavar="PATH", help="The path below which a proxy serves it.")
    ] = "",
    with_schedule: Annotated[
        bool, typer.Option("--schedule", help="Do what `newsletter schedule` does besides, in this process.")
    ] = False,
) -> None:
    """Serve the page on which people read, subscribe, choose and leave, until SIGTERM or Ctrl-C.

    Links in e-mails lead to site.url: set it to the address at which readers reach this page.

    Example: newsletter serve --port 8080
    """
    import asyncio

    import uvicorn

    from newsletter.listening import Server, listening, told_to_stop
    from newsletter.web.app import application

    loaded = configuration(context)
    elsewhere = confirming(loaded)
    if root and (not root.startswith("/") or root.endswith("/") or not root.isprintable()):
        raise typer.BadParameter(f"--root-path begins with a slash and ends with none, like /papers, not “{root}”")
    proxies = _proxies(proxy or [])
    if loaded.settings.site.url is None:
        remark("site.url is not set, so links in e-mails do not lead here; set it to the address that readers use.")

    async def served() -> None:
        app = application(loaded, root=root, elsewhere=elsewhere)
        settings = uvicorn.Config(
            app,
            ws="none",
            log_config=None,
            log_level="critical",  # what fails in a request, the application has logged already
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies or None,
            timeout_graceful_shutdown=loaded.settings.delivery.grace,
        )
        listener = listening(host, port, "the page")
        server = Server(settings)
        async with app.router.lifespan_context(app):
            settings.lifespan = "off"  # ours has begun, so that its errors are sentences
            running = asyncio.create_task(server.serve([listener]))
            stopping = asyncio.create_task(told_to_stop())
            await asyncio.sleep(0)
            bound = listener.getsockname()
            shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
            answer(f"The page is at http://{shown}:{bound[1]}{root}/")
            async with scheduling(context, answer) if with_schedule else nullcontext():
                await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            stopping.cancel()
            await running

    go(served())


def _proxies(given: list[str]) -> list[str]:
    """The proxies to believe, as uvicorn takes them: it would keep what is no address as the name of a socket, and
    believe nobody. Raises typer.BadParameter."""
    for one in given:
        try:
            ip_network(one if one != "*" else "0.0.0.0/0")
        except ValueError:
            raise typer.BadParameter(
                f"--proxy-headers is an IP address, a network like 10.0.0.0/8, or *, not “{one}”"
            ) from None
    return ["*"] if "*" in given else given

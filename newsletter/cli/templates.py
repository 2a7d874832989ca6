"""`newsletter templates`: the e-mail's templates, and copies of them to make one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.console import AsJson, answer, answer_json, answer_table, configuration, counted, remark, shown_path

if TYPE_CHECKING:
    from pathlib import Path

    from newsletter.settings import Configuration

app = typer.Typer(
    help="List the e-mail's templates; copy one to make it your own.", no_args_is_help=True, rich_markup_mode=None
)

OWN = "templates"


@app.command("list")
def list_templates(context: typer.Context, as_json: AsJson = False) -> None:
    """List the e-mail's templates: what each is, and whether the shipped file is in use or yours.

    After an upgrade, yours may be older than the shipped one: “differs” says where to compare.

    Example: newsletter templates list --json
    """
    from newsletter.rendering.ejecting import templates
    from newsletter.settings import shipped

    loaded = configuration(context)
    own = loaded.settings.email.templates
    found = templates(shipped(OWN), own)
    if as_json:
        answer_json([{"name": one.name, "about": one.about, "whose": one.whose, "path": one.path} for one in found])
    else:
        rows = [(one.name, one.about, one.whose) for one in found]
        answer_table(counted(len(rows), "template", "templates"), ("name", "what it is", "whose"), rows)
    if own is None and (loaded.folder / OWN).is_dir() and loaded.folder != shipped("config"):
        remark(f"{shown_path(loaded.folder / OWN)} is not in use yet. {_how_to_use(loaded)}")


@app.command("eject")
def eject_templates(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Which, as the list names them.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of which you have no copy yet.")] = False,
) -> None:
    """Copy shipped templates into your own folder, where they replace the shipped ones and are yours to change.

    The folder is email.templates; where that is not set, `templates` beside the configuration files. A file that is
    there already stays as it is. Copy only what you change: all others go on improving with each upgrade.

    Example: newsletter --config ~/papers templates eject card.html.j2
    """
    from newsletter.rendering.ejecting import eject, missing, shipped_name
    from newsletter.settings import shipped

    if bool(names) == everything:
        raise typer.BadParameter("name the templates to copy, or give --all; `newsletter templates list` lists them")
    loaded = configuration(context)
    own = _own_folder(loaded)
    theirs = shipped(OWN)
    wanted = missing(theirs, own) if everything else [shipped_name(name, theirs) for name in names or ()]
    for path in eject(list(dict.fromkeys(wanted)), theirs, own):
        answer(shown_path(path))
    if not wanted:
        answer(f"{shown_path(own)} has a copy of every template already.")
    if loaded.settings.email.templates is None:
        answer(f"\n{_how_to_use(loaded)}")


def _own_folder(loaded: Configuration) -> Path:
    from newsletter.errors import NewsletterError
    from newsletter.settings import shipped

    if loaded.settings.email.templates:
        return loaded.settings.email.templates
    if loaded.folder == shipped("config"):
        raise NewsletterError(
            "the shipped configuration is in use, which has no place for templates of your own; make a folder with "
            "`newsletter init DIR`, and give it as --config DIR"
        )
    return loaded.folder / OWN


def _how_to_use(loaded: Configuration) -> str:
    return f'To use it, set under [email] in {shown_path(loaded.folder / "newsletter.toml")}:\n\ntemplates = "{OWN}"'

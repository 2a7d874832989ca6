"""Every setting: its name, type, default and meaning.

The texts here are the reference: `newsletter config show` prints the names, `config/newsletter.toml` repeats the
meanings, and a test holds the two against each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    SerializeAsAny,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from newsletter.languages import LANGUAGES, language
from newsletter.policy import database_urls
from newsletter.policy.address import normal_address
from newsletter.rendering.look import Look
from newsletter.settings.channels import ChannelTable, ChannelUrl, completed
from newsletter.settings.keeping import KeepingTable
from newsletter.settings.llm import LlmTable
from newsletter.settings.operating import HeartbeatTable, LoggingTable, OperatorTable
from newsletter.settings.relays import RelayName, SmtpTable
from newsletter.settings.times import ScheduleTable
from newsletter.sources import options, registry
from newsletter.sources.options import Folder, Line, SourceOptions, Table

ENV_PREFIX = "NEWSLETTER_"
NESTED = "__"


def _known_language(code: str) -> str:
    return language(code).code


def _secrets(value: Any) -> Any:
    """A list as it is; from the environment or a secret file a JSON list, or one key a line or between commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("is neither a JSON list of keys nor keys between commas") from None
    return [key.strip() for key in value.replace(",", "\n").splitlines() if key.strip()]


def _long_enough(secret: SecretStr | None, what: str) -> SecretStr | None:
    if secret and len(secret.get_secret_value()) < 16:
        raise ValueError(f"{what} has to have 16 characters or more; `openssl rand -hex 24` makes a good one")
    return secret


Locale = Annotated[str, AfterValidator(_known_language)]
Address = Annotated[str, AfterValidator(normal_address)]
LIST_ID = r"^$|^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$"
Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class DatabaseTable(Table):
    url: str = Field(
        "", description="sqlite:///file or postgresql://user:password@host/name; empty is SQLite in the state folder"
    )

    @field_validator("url")
    @classmethod
    def _supported(cls, url: str) -> str:
        if url and not url.startswith(("sqlite:", "postgresql:", "postgresql+psycopg:")):
            raise ValueError(
                "only SQLite (sqlite:///path/to/file.db) and PostgreSQL (postgresql://user:password@host/name) are "
                "supported; leave it empty for the state folder"
            )
        if url.startswith("postgresql") and (why := database_urls.fault(url)):
            raise ValueError(why)
        return url


class SiteTable(Table):
    url: options.Address | None = Field(None, description="where the web page is; links in e-mails start with it")
    operator_token: SecretStr | None = Field(
        None, description="opens /admin and the operator's part of the API; without one both are shut"
    )

    @field_validator("operator_token")
    @classmethod
    def _hard_to_guess(cls, token: SecretStr | None) -> SecretStr | None:
        return _long_enough(token, "the token")

    @field_validator("url")
    @classmethod
    def _base(cls, url: HttpUrl | None) -> HttpUrl | None:
        if url and (url.query or url.fragment or url.username or url.password or len(str(url)) > 200):
            raise ValueError("must be a plain address like https://papers.example.org, of at most 200 characters")
        return url


class EmailTable(Table):
    name: Line = Field("Trending Papers", description="name of the newsletter: From, title, header line")
    tagline: Line = Field(
        "The day’s research papers, chosen for what you follow", description="one line below the name"
    )
    accent: Color = Field("#0b5394", description="colour of titles and links on white, six hex digits")
    accent_dark: Color = Field("#79b8ff", description="the same on a dark background")
    postal_address: Line = Field("", description="shown in the footer; bulk mail law asks for it in many countries")
    contact: Line = Field("", description="whom to ask, an address or a sentence for the footer")
    logo_text: Line = Field("", description="what the header line says; empty is the name")
    footer: Line = Field("", max_length=1000, description="a paragraph of your own for the footer")
    locale: Locale = Field("en", description=f"language of readers who name none: {', '.join(LANGUAGES)}")
    summaries: Literal["abstract", "source", "llm"] = Field(
        "abstract", description="drawn from the abstract; or machine-written ones: the source's own, or those of [llm]"
    )
    thumbnails: bool = Field(False, description="show a picture of the paper where its source has one")
    text_width: int = Field(0, ge=0, le=200, description="wrap the text part at this column; 0 leaves it to the reader")
    templates: Folder | None = Field(None, description="folder whose email/ files replace the shipped ones, one by one")

    @field_validator("templates")
    @classmethod
    def _there(cls, folder: Path | None) -> Path | None:
        if folder and not folder.is_dir():
            raise ValueError(f"there is no folder {folder}; make it, or take the setting out")
        return folder

    @model_validator(mode="after")
    def _readable(self) -> Self:
        self.look()
        return self

    def look(self) -> Look:
        """The same for the rendering, which refuses colours that nobody could read."""
        return Look(
            name=self.name,
            tagline=self.tagline,
            accent=self.accent,
            accent_dark=self.accent_dark,
            contact=self.contact,
            postal_address=self.postal_address,
            text_width=self.text_width,
            logo_text=self.logo_text,
            footer=self.footer,
            thumbnails=self.thumbnails,
            machine_summaries=self.summaries == "source",
            llm_summaries=self.summaries == "llm",
        )


class SenderTable(Table):
    address: Address = Field("papers@example.org", description="From and envelope sender")
    name: Line = Field("", description="name in From; empty is email.name")
    reply_to: Address | None = Field(None, description="where answers go, if not to the sender")
    unsubscribe: Address | None = Field(None, description="mailbox for unsubscribe mails; empty is the sender")
    list_id: Annotated[str, Field(pattern=LIST_ID)] = Field(
        "", description="List-Id (RFC 2919); empty is “papers.” and the sender's domain"
    )


class EditionTable(Table):
    look_back: int = Field(7, ge=1, le=60, description="days: how late a source may be, how far a catch-up reaches")


class RankingTable(Table):
    archive_days: int = Field(150, ge=7, le=3650, description="days of earlier papers that scores are measured against")
    models: Literal["installed", "none", "static", "neural", "both"] = Field(
        "installed", description="which models of language add a part: those whose extras are installed, or named ones"
    )


class DigestTable(Table):
    max_papers: int = Field(12, ge=1, le=100, description="full cards in one digest")
    trending_papers: int = Field(10, ge=1, le=100, description="full cards for a reader without topics")
    also_new: int = Field(8, ge=0, le=100, description="titles in the compact list below the cards")
    empty: Literal["nothing", "line", "fold"] = Field(
        "nothing", description="a date without papers: no mail, a line that says so, or left to the next digest"
    )
    outside: bool = Field(True, description="one paper, so labelled, that none of the reader's topics asked for")
    rising: int = Field(
        3, ge=0, le=20, description="papers of earlier days that a reader did not get and many have voted for since"
    )


class DeliveryTable(Table):
    on_unknown: Literal["resend", "hold"] = Field(
        "resend", description="when a crash hid the relay's answer: send the same bytes once more, or never"
    )
    error_share: float = Field(
        0.3,
        gt=0,
        le=1,
        description="share of refused messages (of 20 or more) at which a run stops and asks you to look",
    )
    keep: int = Field(
        0, ge=0, description="days for which deliveries are kept, and never less than the look-back; 0 is for ever"
    )
    lease: int = Field(900, ge=30, description="seconds after which the messages of a process that died are free again")
    grace: int = Field(30, ge=1, description="seconds that SIGTERM leaves for messages that are being handed over")
    processes: int = Field(1, ge=1, le=64, description="processes that send; they share connections and limits")


class DkimTable(Table):
    domain: str = Field("", description="the signing domain (d=); empty is the domain of the sender")
    rsa_key: Path | None = Field(None, description="private RSA key (PEM); `newsletter dkim new` makes both keys")
    rsa_selector: Line = Field("rsa", description="its selector (s=)")
    ed25519_key: Path | None = Field(None, description="private Ed25519 key (PEM)")
    ed25519_selector: Line = Field("ed25519", description="its selector (s=)")
    canonicalization: Literal["relaxed/relaxed", "relaxed/simple", "simple/simple"] = Field(
        "relaxed/simple", description="of headers and body (RFC 6376 section 3.4); a relaxed body takes twice the time"
    )
    by_relay: bool = Field(False, description="the relay signs; then one-click unsubscribe is offered without our keys")


class BouncesTable(Table):
    address: Address | None = Field(
        None,
        description="mailbox that reports come to; the envelope sender becomes bounces+TOKEN there; empty: the sender",
    )
    mailbox: str = Field(
        "", description="where `newsletter bounces` reads: maildir:PATH, mbox:PATH or imaps://user@host/folder"
    )
    password: SecretStr | None = Field(None, description="of the IMAP mailbox")

    @field_validator("address")
    @classmethod
    def _room_for_a_token(cls, address: str | None) -> str | None:
        # The whole local part, token included, may have 64 octets (RFC 5321 section 4.5.3.1.1).
        if address and len(address.rpartition("@")[0].encode()) > 23:
            raise ValueError("the part before the @ may have 23 characters, because a token is put behind it")
        return address

    webhook_secret: SecretStr | None = Field(
        None, description="signs reports of bounces that come to the page by HTTP; without one none are taken"
    )

    @field_validator("webhook_secret")
    @classmethod
    def _hard_to_guess(cls, secret: SecretStr | None) -> SecretStr | None:
        return _long_enough(secret, "the secret")

    soft_limit: int = Field(5, ge=1, description="soft bounces, each halving every 30 days, that end in a suppression")


class CollectingTable(Table):
    contact: Line = Field(
        "", max_length=200, description="address or page in the User-Agent of requests; empty is site.url, else sender"
    )
    allow_hosts: tuple[str, ...] = Field(
        (), description="hosts with a private address that a redirect may lead to, by name"
    )
    keep_answers: int = Field(365, ge=1, le=36500, description="days for which what sources answered is kept")
    wait: float = Field(
        2.0, ge=0, le=23, description="hours for which `newsletter schedule` waits for a source that is late"
    )

    @field_validator("contact")
    @classmethod
    def _in_a_header(cls, contact: str) -> str:
        if not contact.isascii():
            raise ValueError("must be ASCII, because it stands in a header of HTTP")
        return contact


def source_options(table: Mapping[str, Any]) -> SourceOptions:
    """A `[[sources]]` table as the options of its kind. Raises ValueError for a kind that is not there, and pydantic's
    ValidationError for options that are wrong."""
    name = table.get("kind")
    if not isinstance(name, str):
        raise ValueError("is missing" if name is None else "must be text in quotes")
    return registry.kind(name).Options.model_validate(table)


def _shipped_source() -> tuple[SourceOptions, ...]:
    return (source_options({"kind": "listing", "name": "daily-papers", "year": 2025}),)


class Settings(BaseSettings):
    """All settings, frozen. Precedence: flag > environment > secret file > TOML file > default."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=NESTED,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        validate_default=False,
    )

    state_dir: Folder = Field(Path("var"), description="folder of the database, the secrets and the local mailbox")
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_secrets)] = Field(
        (), description="keys that sign links, newest first; made on first start when empty"
    )
    dispatch: Literal["local", "fleet"] = Field(
        "local", description="who carries a run out: this process, or every `newsletter worker` on the same PostgreSQL"
    )
    database: DatabaseTable = DatabaseTable()
    site: SiteTable = SiteTable()
    email: EmailTable = EmailTable()
    sender: SenderTable = SenderTable()
    smtp: SmtpTable = SmtpTable()
    edition: EditionTable = EditionTable()
    ranking: RankingTable = RankingTable()
    digest: DigestTable = DigestTable()
    schedule: ScheduleTable = ScheduleTable()
    delivery: DeliveryTable = DeliveryTable()
    dkim: DkimTable = DkimTable()
    bounces: BouncesTable = BouncesTable()
    collecting: CollectingTable = CollectingTable()
    llm: LlmTable = LlmTable()
    channel_urls: dict[RelayName, ChannelUrl] = Field({}, description="URLs of `channels`, by name")
    channels: tuple[ChannelTable, ...] = Field((), description="places in chat programs where picks are posted")
    keeping: KeepingTable = KeepingTable()
    logging: LoggingTable = LoggingTable()
    heartbeat: HeartbeatTable = HeartbeatTable()
    operator: OperatorTable = OperatorTable()
    # Each is an instance of its kind's own Options: `loading` makes them, because only the registry knows the kinds.
    sources: SerializeAsAny[tuple[SourceOptions, ...]] = Field(default_factory=_shipped_source)

    @field_validator("secret_keys")
    @classmethod
    def _not_empty(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(key.get_secret_value() for key in keys):
            raise ValueError("a key is empty; give at least 16 random characters, or leave the setting out")
        return keys

    @field_validator("sources")
    @classmethod
    def _distinct_names(cls, sources: tuple[SourceOptions, ...]) -> tuple[SourceOptions, ...]:
        names = [source.name for source in sources]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sources are named “{twice[0]}”; give each a name of its own")
        return sources

    @field_validator("channels")
    @classmethod
    def _with_urls(cls, channels: tuple[ChannelTable, ...], info: ValidationInfo) -> tuple[ChannelTable, ...]:
        if "channel_urls" not in info.data:
            return channels  # what is wrong with the URLs is said under their own keys
        return completed(channels, info.data["channel_urls"])

    @model_validator(mode="after")
    def _somebody_writes(self) -> Self:
        if self.email.summaries == "llm" and not (self.llm.url and self.llm.model):
            raise ValueError("email.summaries is “llm”, so [llm] needs url and model")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `loading` merges the layers itself, because it must be able to say where each value came from.
        return (init_settings,)

"""TOML files + environment + secret files -> one frozen Settings, the topics and the file's subscribers."""

from newsletter.settings.loading import Configuration, Origin, configuration_folder, load
from newsletter.settings.schema import Settings, source_options
from newsletter.settings.shipped import shipped

__all__ = [
    "Configuration",
    "Origin",
    "Settings",
    "configuration_folder",
    "load",
    "shipped",
    "source_options",
]

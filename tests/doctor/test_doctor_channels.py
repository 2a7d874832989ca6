"""The doctor and the channels."""

from __future__ import annotations

from newsletter.doctor.channels import channels
from newsletter.doctor.findings import Health
from newsletter.settings import configuration_folder, load


def test_each_channel_is_looked_at_and_nothing_is_posted() -> None:
    tables = [
        {"name": "lab", "url": "json://127.0.0.1:9/s3cr3t"},
        {"name": "club", "url": "slack://s3cr3t"},
    ]
    lab, club = channels(load(configuration_folder(), {"channels": tables}).settings)
    assert (lab.name, lab.health) == ("channel lab", Health.OK)
    assert lab.sentence == "JSON takes posts of 32,768 characters, as text; none was sent."
    assert (club.name, club.health) == ("channel club", Health.FAIL)
    assert "s3cr3t" not in lab.sentence + club.sentence
    assert channels(load(configuration_folder(), {}).settings) == []

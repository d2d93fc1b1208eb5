"""The cluster files for clouds pass the schema that Ray ships, and have no key in a provider that Ray does not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

CLOUDS = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "clouds"
PROVIDER = {
    "aws": {"type", "region", "cache_stopped_nodes"},
    "gcp": {"type", "region", "availability_zone", "project_id"},
    "azure": {"type", "location", "resource_group"},
}
"""Keys of a provider, which Ray's schema does not check."""


def read(cloud: str) -> dict[str, Any]:
    return dict(yaml.safe_load((CLOUDS / f"{cloud}.yaml").read_text(encoding="utf-8")))


def test_every_file_is_tested() -> None:
    assert {p.stem for p in CLOUDS.glob("*.yaml")} == set(PROVIDER)


@pytest.mark.parametrize("cloud", PROVIDER)
def test_a_cluster_file_passes_the_schema_of_ray(cloud: str) -> None:
    util = pytest.importorskip("ray.autoscaler._private.util")
    config = read(cloud)
    util.validate_config(config)
    assert set(config["provider"]) == PROVIDER[cloud]
    assert config["provider"]["type"] == cloud
    workers = config["available_node_types"]["worker"]
    assert "spot" in str(workers["node_config"]).lower() or "preemptible" in str(workers["node_config"])
    for wrong in ({"max_worker": 3}, {"head_node_type": "none"}):
        with pytest.raises(Exception, match=r".+"):
            util.validate_config({**config, **wrong})

"""Geography from MaxMind's test database, and from what is none."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
from pathlib import Path

import pytest

from app.adapters.maxmind_geo import LOOK_SECONDS, MaxmindGeo
from app.errors import SettingsInvalid

DATA = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "maxmind"
DATABASE = DATA / "GeoLite2-City-Test.mmdb"
pytestmark = pytest.mark.skipif(not DATABASE.exists() and not os.environ.get("CI"), reason="MaxMind's test database is not on this machine")


def expected(row: dict) -> dict:
    """What we call the fields of a row of MaxMind's own source."""
    location, regions = row.get("location", {}), row.get("subdivisions", [])
    found = {
        "city": row.get("city", {}).get("names", {}).get("en"), "country": row.get("country", {}).get("iso_code"), "continent": row.get("continent", {}).get("code"),
        "region": regions[0].get("iso_code") if regions else None, "postal": row.get("postal", {}).get("code"), "lat": location.get("latitude"), "lon": location.get("longitude"),
        "timezone": location.get("time_zone"), "accuracy_km": location.get("accuracy_radius"),
    }
    return {name: value for name, value in found.items() if value is not None}


def test_every_network_resolves_as_in_the_source():
    geo = MaxmindGeo(DATABASE)
    rows = [(network, row) for each in json.loads((DATA / "GeoLite2-City-Test.json").read_text()) for network, row in each.items()]

    wrong = [network for network, row in rows if geo.place(str(ipaddress.ip_network(network)[0])) != expected(row)]

    assert (wrong, len(rows)) == ([], 242)


@pytest.mark.parametrize("address", ["", "127.0.0.1", "10.0.0.1", "::1", "not an address", "2.125.160.216:80", "999.1.1.1", "2.125.160.216/29", "fe80::1%eth0", "0x7f000001"])
def test_what_is_no_address_or_is_not_known_is_nowhere(address):
    assert MaxmindGeo(DATABASE).place(address) == {}


def test_the_source_names_the_data_and_their_date():
    assert MaxmindGeo(DATABASE).source.startswith("GeoLite2-City 20")


@pytest.mark.parametrize("data", [b"", b"not a database", None])
def test_a_file_that_is_no_database_ends_the_start_with_its_setting(tmp_path, data):
    path = tmp_path / "x.mmdb"
    [path.write_bytes(each) for each in (data,) if each is not None]

    with pytest.raises(SettingsInvalid, match="INLAY_GEO_DATABASE"):
        MaxmindGeo(path)


@pytest.mark.parametrize("replacement", [b"broken", None])
def test_a_broken_or_missing_replacement_leaves_the_database_before_it(tmp_path, replacement):
    path, now = tmp_path / "x.mmdb", [0.0]
    shutil.copy(DATABASE, path)
    geo = MaxmindGeo(path, lambda: now[0])
    path.unlink()
    [path.write_bytes(each) for each in (replacement,) if each is not None]

    now[0] = LOOK_SECONDS + 1

    assert geo.place("2.125.160.216")["city"] == "Boxford"

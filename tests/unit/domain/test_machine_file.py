"""Machine profiles as documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattlight.domain.machine_file import MachineFileProblem, machine_document, parse_machine


def test_what_is_left_out_takes_its_default() -> None:
    profile = parse_machine({"ram_total_bytes": 32 << 30, "devices": [{"memory_total_bytes": 24 << 30}]})
    assert profile.server.version is None
    assert profile.server.kv_cache_type == "f16"
    assert profile.server.num_parallel == 1
    assert profile.server.flash_attention == "auto"
    assert profile.ram_available_bytes == 24 << 30
    assert profile.devices[0].memory_free_bytes == 24 << 30
    assert profile.devices[0].backend == "cuda"


def test_a_profile_comes_back_from_its_document() -> None:
    profile = parse_machine(
        {
            "schema": 1,
            "name": "Box",
            "os": "linux",
            "ram_total_bytes": 64 << 30,
            "ram_available_bytes": 50 << 30,
            "cpu": {"amx": True, "bandwidth_gbs": 80},
            "server": {
                "version": "0.33.0",
                "kv_cache_type": "q8_0",
                "num_parallel": 2,
                "flash_attention": "on",
            },
            "devices": [
                {"id": "a", "name": "A", "backend": "metal", "memory_total_bytes": 1 << 34, "unified": True}
            ],
        }
    )
    assert parse_machine(machine_document(profile)) == profile


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ([], "object"),
        ({"schema": 2}, "schema"),
        ({"ram_total_bytes": -1}, "ram_total_bytes"),
        ({"ram_total_bytes": "16"}, "ram_total_bytes"),
        ({"devices": {}}, "devices"),
        ({"devices": [{"backend": "cpu"}]}, "backend"),
        ({"devices": [{"id": "x"}, {"id": "x"}]}, "same id"),
        ({"server": {"fit_target_mib": [1, "2"]}}, "fit_target_mib"),
        ({"server": {"igpu_enable": 1}}, "igpu_enable"),
        ({"server": {"visible_devices": {"cuda": 0}}}, "cuda"),
        ({"devices": [{"bandwidth_gbs": float("nan")}]}, "bandwidth_gbs"),
        ({"server": {"kv_cache_type": "q9"}}, "kv_cache_type"),
        ({"server": {"num_parallel": 10**9}}, "num_parallel"),
        ({"cpu": {"amx": "yes"}}, "amx"),
    ],
)
def test_bad_files_name_the_key(document: object, word: str) -> None:
    with pytest.raises(MachineFileProblem) as caught:
        parse_machine(document)
    assert word in caught.value.message
    assert "--profile" in caught.value.next_step


KEYS = st.sampled_from(
    ["schema", "name", "devices", "server", "cpu", "id", "backend", "memory_total_bytes", "amx"]
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda x: st.lists(x, max_size=4) | st.dictionaries(KEYS, x, max_size=6),
    )
)
def test_any_document_gives_a_profile_or_one_sentence(document: object) -> None:
    try:
        profile = parse_machine(document)
    except MachineFileProblem:
        return
    assert parse_machine(machine_document(profile)) == profile

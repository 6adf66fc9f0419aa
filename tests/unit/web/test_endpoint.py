"""Where a request goes: addresses taken apart, proxies found, what is bad refused."""

import base64

import pytest

from wattlight.web import (
    NOT_UNDERSTOOD,
    Endpoint,
    FaultKind,
    Proxy,
    WireFault,
    host_in,
    names_a_proxy,
    proxy_for,
    split_url,
    with_system_proxies,
)

FAR = Endpoint("https", "far.example", 443)


@pytest.mark.parametrize(
    ("url", "endpoint", "path"),
    [
        ("https://far.example", Endpoint("https", "far.example", 443), "/"),
        ("http://far.example:8080/a/b?x=1", Endpoint("http", "far.example", 8080), "/a/b?x=1"),
        ("http://[::1]:5/", Endpoint("http", "::1", 5), "/"),
        ("HTTPS://Far.Example/%41", Endpoint("https", "far.example", 443), "/%41"),
    ],
)
def test_an_address_is_taken_apart(url: str, endpoint: Endpoint, path: str) -> None:
    assert split_url(url) == (endpoint, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://far.example/",
        "file:///etc/passwd",
        "https://user:secret@far.example/",
        "https://far.example:0/",
        "https://far.example:99999/",
        "https://[far/",
        "https://fär.example/",
        "https://far.example/ä",
        "https://far.example/a b",
        "https://far.example/\x00",
        "https:///nowhere",
    ],
)
def test_fault_63_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(WireFault) as caught:
        split_url(url)
    assert caught.value.kind is FaultKind.REDIRECT


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::1%lo", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_only_this_computer_is_loopback(host: str, loopback: bool) -> None:
    plain = Endpoint("http", host, 80)
    assert plain.is_loopback is loopback
    assert plain.is_private is loopback, "a secret goes unencrypted to this computer alone"
    assert Endpoint("https", host, 443).is_private


def test_an_address_as_text_has_brackets_where_needed() -> None:
    assert Endpoint("http", "::1", 80, "/x").url == "http://[::1]:80/x"
    assert FAR.url == "https://far.example:443"


def test_the_proxy_of_a_scheme_comes_before_the_one_for_all() -> None:
    env = {"HTTPS_PROXY": "http://one:1", "all_proxy": "http://two:2", "http_proxy": "three:3"}
    assert proxy_for(FAR, env) == Proxy("one", 1)
    assert proxy_for(Endpoint("http", "far.example", 80), env) == Proxy("three", 3), "without a scheme too"
    assert proxy_for(FAR, {"all_proxy": "http://two"}) == Proxy("two", 80)
    assert proxy_for(FAR, {"https_proxy": "  "}) is None
    assert proxy_for(Endpoint("https", "127.0.0.1", 443), env) is None


def test_name_and_password_of_a_proxy_are_unquoted() -> None:
    found = proxy_for(FAR, {"https_proxy": "http://me%40work:p%3Aw@proxy:3128"})
    assert found is not None and found.authorization is not None
    assert base64.b64decode(found.authorization.removeprefix("Basic ")) == b"me@work:p:w"
    nameless = proxy_for(FAR, {"https_proxy": "http://me@proxy:3128"})
    assert nameless is not None and nameless.authorization == "Basic " + base64.b64encode(b"me:").decode()


@pytest.mark.parametrize(
    "text", ["socks5://x:1", "https://x:1", "http://", "http://x:99999", "http://[::1", "http://[zz]:1"]
)
def test_a_proxy_that_is_not_understood_is_a_fault_not_a_crash(text: str) -> None:
    with pytest.raises(WireFault) as caught:
        proxy_for(FAR, {"https_proxy": text})
    assert caught.value.kind is FaultKind.PROXY
    assert caught.value.detail == NOT_UNDERSTOOD


@pytest.mark.parametrize(
    ("rules", "bypassed"),
    [
        ("*", True),
        ("far.example", True),
        (".example", True),
        (".far.example", False),
        ("*.far.example", False),
        ("FAR.example:443", True),
        ("far.example:8443", False),
        (".EXAMPLE:443", True),
        ("10.0.0.0/8", False),
        ("far.example.", True),
        (":443", False),
        ("*.example", True),
        ("near.lan, FAR.example", True),
        ("ar.example", False),
        ("example.com,,", False),
        ("", False),
    ],
)
def test_no_proxy_is_read_as_most_programs_read_it(rules: str, bypassed: bool) -> None:
    found = proxy_for(FAR, {"https_proxy": "http://p:1", "NO_PROXY": rules})
    assert (found is None) is bypassed


@pytest.mark.parametrize(
    ("host", "rules", "bypassed"),
    [
        ("172.16.9.4", "172.16.0.0/12", True),
        ("172.32.0.1", "172.16.0.0/12", False),
        ("172.16.9.4", "172.16.9.77/24", True),
        ("172.16.9.4", "172.16.9.4:11434", True),
        ("172.16.9.4", "172.16.9.4:80", False),
        ("172.16.9.4", "nonsense/99, 172.16.9.4", True),
        ("fd00::17", "fd00::/8", True),
        ("fd00::17", "[fd00::17]:11434", True),
        ("fd00::17", "[fd00::17]:1", False),
        ("fd00::17", "fd00:0::17", True),
        ("::ffff:10.1.2.3", "10.1.0.0/16", True),
        ("box", "10.0.0.0/8", False),
    ],
)
def test_ranges_and_ports_of_no_proxy(host: str, rules: str, bypassed: bool) -> None:
    found = proxy_for(Endpoint("http", host, 11434), {"http_proxy": "http://p:1", "no_proxy": rules})
    assert (found is None) is bypassed


def test_the_systems_own_proxies_stand_in_where_the_environment_names_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"http": "http://sys:1", "https": "http://sys:2", "ftp": "http://sys:3"}
    monkeypatch.setattr("urllib.request.getproxies", lambda: found)
    assert with_system_proxies({"A": "b"}, "linux") == {"A": "b"}
    mac = with_system_proxies({"A": "b"}, "darwin")
    assert mac == {"A": "b", "http_proxy": "http://sys:1", "https_proxy": "http://sys:2"}
    assert names_a_proxy(mac)
    own = {"ALL_PROXY": "http://mine:1"}
    assert with_system_proxies(own, "win32") == own


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://ollama.com:443", "ollama.com"),
        ("http://[::1", "http://[::1"),
        ("http://a]b", "http://a]b"),
        ("box", "box"),
        ("http://a\u2100b/", "http://a\u2100b/"),
        ("", ""),
    ],
)
def test_the_host_of_any_address_can_be_said(address: str, host: str) -> None:
    assert host_in(address) == host

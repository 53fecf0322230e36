from typing import Any

import pytest
from vllm.exceptions import VLLMValidationError
from yarl import URL

from configs.request_limits import RequestLimits
from deployments.front_end.images.links import allowed_url
from deployments.front_end.requests.messages import normalized

HOSTS = ("images.example", "*.many.example")


@pytest.mark.parametrize(
    "link",
    [
        "https://images.example/cat.png",
        "https://a.many.example:443/",
        "HTTPS://IMAGES.example/cat.png?Signature=a%2Fb%3d+c&e=%7e",
    ],
)
def test_a_link_is_followed_as_it_is_written(link: str) -> None:
    url = allowed_url(link, HOSTS)
    path = link.partition("//")[2].partition("/")[2]
    assert url.raw_path_qs == f"/{path}"


REFUSED: dict[str, list[Any]] = {
    "https": [
        "http://images.example/x.png",
        "ftp://images.example/x.png",
        "file:///etc/passwd",
        "//images.example/x.png",
        "images.example/x.png",
        "https:images.example/x.png",
        "https:///x.png",
        "https://images.example/a b.png",
        "https://images.example/x\r\nHost: other.example",
        "https://images.example\\@other.example/",
        "https://images.example:99999/",
        "https://bücher.many.example/",
        "https://images.example/" + "x" * 8000,
        "",
        None,
        7,
        ["https://images.example/x.png"],
    ],
    "no user, password or port": [
        "https://me:secret@images.example/x.png",
        "https://me@images.example/x.png",
        "https://images.example:8443/x.png",
        "https://images.example:80/x.png",
    ],
    "isn't among the hosts": [
        "https://other.example/x.png",
        "https://many.example/x.png",
        "https://images.example.other.example/x.png",
        "https://other.example/?https://images.example/",
        "https://other.example#.many.example",
        "https://127.0.0.1/x.png",
        "https://2130706433/x.png",
        "https://0x7f.1/x.png",
        "https://[::1]/x.png",
        "https://localhost/x.png",
    ],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_any_other_is_refused(reason: str) -> None:
    for link in REFUSED[reason]:
        with pytest.raises(VLLMValidationError, match=reason) as caught:
            allowed_url(link, HOSTS)
        assert "Send the image in the request, as data:image/png;base64,…" in str(caught.value)


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/dog.png", "https://images.example/dog.png"),
        ("dog%2f.png?a", "https://images.example/pets/dog%2f.png?a"),
        ("//a.many.example/", "https://a.many.example/"),
        ("https://a.many.example/", "https://a.many.example/"),
    ],
)
def test_a_redirect_is_relative_to_where_it_comes_from(location: str, leads_to: str) -> None:
    base = allowed_url("https://images.example/pets/cat.png", HOSTS)
    assert allowed_url(location, HOSTS, base) == URL(leads_to, encoded=True)


@pytest.mark.parametrize("location", ["//other.example/", "http://images.example/", "a b", None])
def test_a_redirect_elsewhere_is_refused(location: Any) -> None:
    base = allowed_url("https://images.example/pets/cat.png", HOSTS)
    with pytest.raises(VLLMValidationError):
        allowed_url(location, HOSTS, base)


def messages(url: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://other.example/", "isn't among the hosts"),
        ("data:text/html,x", "this server fetches none"),
        (None, "https"),
    ],
)
def test_a_message_with_another_link_is_refused(url: Any, reason: str) -> None:
    with pytest.raises(VLLMValidationError, match=reason):
        normalized(messages(url), RequestLimits(image_hosts=HOSTS))


def test_without_hosts_every_link_is_refused() -> None:
    link = messages("https://images.example/cat.png")
    assert normalized(link, RequestLimits(image_hosts=HOSTS)) == link
    with pytest.raises(VLLMValidationError, match="this server fetches none"):
        normalized(link, RequestLimits())

import pytest
from pydantic import TypeAdapter, ValidationError

from configs.host_name import HostName, covers
from configs.request_limits import RequestLimits

_HOST: TypeAdapter[str] = TypeAdapter(HostName)


def test_by_default_there_are_none() -> None:
    assert RequestLimits().image_hosts == ()


@pytest.mark.parametrize(
    "name", ["images.example.com", "*.example.com", "a-b.xn--bcher-kva.example", "x_y.example.com"]
)
def test_names_are_taken_in_lower_case(name: str) -> None:
    assert _HOST.validate_python(name.upper()) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "*",
        "*.com",
        "localhost",
        "images.*.com",
        "*images.example.com",
        "https://images.example.com",
        "images.example.com:443",
        "images.example.com/cats",
        "images.example.com.",
        ".example.com",
        "a..example.com",
        "-a.example.com",
        "bücher.example",
        "me@example.com",
        "images.example.com\n",
        "10.0.0.1",
        "127.1",
        "0x7f.0x1",
        "10.0.0.0/8",
        "[::1]",
        "::1",
        "a" * 64 + ".example.com",
        "a." * 126 + "com",
    ],
)
def test_what_is_no_full_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=r"give a host's full name, as images\.example\.com"):
        _HOST.validate_python(name)


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("one.example", True),
        ("ONE.example", True),
        ("two.example", False),
        ("a.one.example", False),
        ("oneXexample", False),
        ("a.many.example", True),
        ("a.b.many.example", True),
        ("many.example", False),
        ("notmany.example", False),
        ("many.example.org", False),
        ("one.example.", False),
    ],
)
def test_a_name_covers_itself_and_a_star_what_is_below(host: str, covered: bool) -> None:
    assert covers(("one.example", "*.many.example"), host) is covered

import pytest

from configs.errors import StoreError
from model_shards.store.location import Location


@pytest.mark.parametrize("url", ["s3://a-bucket/models/small4", "s3://a-bucket/models/small4/"])
def test_a_url_is_a_bucket_and_a_prefix(url: str) -> None:
    location = Location.parse(url)
    assert location == Location("a-bucket", "models/small4")
    assert location.key("params.json") == "models/small4/params.json"
    assert location.url("params.json") == "s3://a-bucket/models/small4/params.json"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "begin with s3://"),
        ("a-bucket/models", "begin with s3://"),
        ("https://a-bucket/models", "begin with s3://"),
        ("S3://a-bucket/models", "begin with s3://"),
        ("s3:/a-bucket/models", "begin with s3://"),
        ("s3:///models", "can't be a bucket"),
        ("s3://Bucket/models", "can't be a bucket"),
        ("s3://ab/models", "can't be a bucket"),
        ("s3://user@bucket/models", "can't be a bucket"),
        ("s3://a-bucket", "prefix has to follow"),
        ("s3://a-bucket/", "prefix has to follow"),
        ("s3://a-bucket//models", "can't be in a prefix"),
        ("s3://a-bucket/models//", "can't be in a prefix"),
        ("s3://a-bucket/../models", "can't be in a prefix"),
        ("s3://a-bucket/models?versionId=1", "can't be in a prefix"),
        ("s3://a-bucket/my models", "can't be in a prefix"),
        ("s3://a-bucket/models\n", "can't be in a prefix"),
    ],
)
def test_what_is_no_location_is_refused(url: str, why: str) -> None:
    with pytest.raises(StoreError, match=why):
        Location.parse(url)

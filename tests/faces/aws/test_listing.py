import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tarragon.faces.aws.error import AwsError
from tarragon.faces.aws.listing import cut, page, place, token

ITEMS = [
    {
        "JobName": f"job-{i:02}", "CreationTime": float(i), "LastModifiedTime": 100.0 - i,
        "State": ("Busy", "Done")[i % 2],
    }
    for i in range(25)
]  # fmt: skip


def names(items: list[Any]) -> list[str]:
    return [item["JobName"] for item in items]


def walked(items: list[Any], params: dict[str, Any], **options: Any) -> list[str]:
    seen, following = [], None
    while True:
        found, following = page(items, {**params, **({"NextToken": following} if following else {})}, **options)
        seen += names(found)
        if following is None:
            return seen


def test_ten_of_the_newest_come_first_and_the_token_leads_to_the_rest() -> None:
    found, following = page(ITEMS, {}, name="JobName")
    assert names(found) == [f"job-{i:02}" for i in range(24, 14, -1)]
    assert following
    assert walked(ITEMS, {}, name="JobName") == [f"job-{i:02}" for i in range(24, -1, -1)]
    assert walked(ITEMS, {"MaxResults": 7, "SortOrder": "Ascending"}, name="JobName") == names(ITEMS)
    assert page(ITEMS, {"MaxResults": 25}, name="JobName")[1] is None


def test_filters_keep_what_they_say() -> None:
    def found(**params: Any) -> list[str]:
        return names(page(ITEMS, {"MaxResults": 100, **params}, name="JobName", status="State", order="Ascending")[0])

    assert found(NameContains="B-1") == [f"job-{i}" for i in range(10, 20)]
    assert found(StatusEquals="Done") == [f"job-{i:02}" for i in range(1, 25, 2)]
    assert found(CreationTimeAfter=20.0, CreationTimeBefore=22.0) == ["job-20", "job-21", "job-22"]
    assert found(CreatedAfter=23.0) == ["job-23", "job-24"]
    assert found(LastModifiedTimeBefore=77.0) == ["job-23", "job-24"]
    assert found(CreationTimeAfter=datetime.fromtimestamp(23, UTC)) == ["job-23", "job-24"]


def test_order_is_by_the_key_asked_for_and_ties_by_name() -> None:
    by_status = page(ITEMS, {"SortBy": "Status", "SortOrder": "Ascending"}, name="JobName", status="State")[0]
    assert names(by_status) == [f"job-{i:02}" for i in range(0, 20, 2)]
    by_name = page(ITEMS, {"SortBy": "Name"}, name="JobName", order="Ascending")[0]
    assert names(by_name) == names(ITEMS[:10])
    moments = [{"N": "b", "CreationTime": datetime.fromtimestamp(5, UTC)}, {"N": "a", "CreationTime": 7.0}, {"N": "c"}]
    assert [each["N"] for each in page(moments, {}, name="N")[0]] == ["a", "b", "c"]


def test_items_made_or_deleted_between_pages_neither_repeat_nor_hide_others() -> None:
    first, following = page(ITEMS, {"MaxResults": 5}, name="JobName")
    newer = [*ITEMS[:20], *ITEMS[21:], {"JobName": "new", "CreationTime": 99.0}]
    second, _ = page(newer, {"MaxResults": 5, "NextToken": following}, name="JobName")
    assert names(first)[-1] == "job-20"
    assert names(second) == [f"job-{i}" for i in range(19, 14, -1)]


@pytest.mark.parametrize(
    "forged",
    [
        "x", "%%%", "é", base64.urlsafe_b64encode(b"[1]").decode(), base64.urlsafe_b64encode(b"\xff\xfe").decode(),
        *(
            base64.urlsafe_b64encode(json.dumps(each).encode()).decode()
            for each in ({"at": -1}, {"at": True}, {"at": "3"}, {"after": [0, 1]}, {"after": [1, "x", "y"]},
                         {"after": [7, "", ""]}, {"after": {}}, {}, {"after": [1, float("nan"), "n"]})
        ),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)  # fmt: skip
def test_a_forged_token_is_a_validation_error(forged: str) -> None:
    for call in (lambda: page(ITEMS, {"NextToken": forged}, name="JobName"), lambda: cut(ITEMS, {"NextToken": forged})):
        with pytest.raises(AwsError) as raised:
            call()
        assert raised.value.code == "ValidationException"


def test_a_list_in_order_is_cut_by_place() -> None:
    found, following = cut(ITEMS, {}, 20)
    assert len(found) == 20
    assert following is not None
    assert place(following) == 20
    assert names(cut(ITEMS, {"NextToken": token(20)}, 20)[0]) == names(ITEMS[20:])
    assert cut(ITEMS, {"NextToken": token(500)}) == ([], None)

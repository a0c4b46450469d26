"""What has to be unique is, and has the form that clients know."""

import uuid

from petset.aio.identity import new_uid


def test_uids_are_distinct_random_uuids() -> None:
    uids = {new_uid() for _ in range(1000)}
    assert len(uids) == 1000
    parsed = [(uid, uuid.UUID(uid)) for uid in uids]
    assert all((str(one), one.version, one.variant) == (uid, 4, uuid.RFC_4122) for uid, one in parsed)

"""What has to be unique is, and has the form that clients know."""

import uuid

from petset.aio.identity import new_uid


def test_uids_are_distinct_random_uuids() -> None:
    uids = {new_uid() for _ in range(1000)}
    assert len(uids) == 1000
    assert all(str(uuid.UUID(uid)) == uid and uuid.UUID(uid).version == 4 for uid in uids)

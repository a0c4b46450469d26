import stat
from pathlib import Path

import pytest

from petset.cli.data_directory import DataDirectory, default_root
from petset.cli.failure import Failure

HOME = Path("/home/ada")


@pytest.mark.parametrize(
    ("environment", "user", "root"),
    [
        ({}, 0, "/var/lib/petset"),
        ({}, 1000, "/home/ada/.local/state/petset"),
        ({"XDG_STATE_HOME": "/state"}, 1000, "/state/petset"),
        ({"XDG_STATE_HOME": "relative"}, 1000, "/home/ada/.local/state/petset"),
        ({"XDG_STATE_HOME": "/state"}, 0, "/var/lib/petset"),
        ({"PETSET_DATA_DIR": "/data"}, 0, "/data"),
        ({"PETSET_DATA_DIR": "/data", "XDG_STATE_HOME": "/state"}, 1000, "/data"),
    ],
)
def test_where_it_is_by_default(environment: dict[str, str], user: int, root: str) -> None:
    assert default_root(environment, HOME, user) == Path(root)


def test_it_is_made_for_its_owner_only(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "deep" / "data")
    directory.prepare()
    assert stat.S_IMODE(directory.root.stat().st_mode) == 0o700


def test_an_own_directory_that_others_could_read_is_closed(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    directory.prepare()
    directory.root.chmod(0o755)
    directory.prepare()
    assert stat.S_IMODE(directory.root.stat().st_mode) == 0o700


def test_a_directory_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(Failure, match="has other things in it"):
        DataDirectory(tmp_path).prepare()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="data directory"):
        DataDirectory(tmp_path / "file").prepare()


def test_one_server_at_a_time(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    directory.prepare()
    with directory.locked() as first, directory.locked() as second:
        assert (first, second) == (True, False)
    with directory.locked() as third:
        assert third

"""Claims, volumes and classes: defaults, rules, what may change, and the lines kubectl prints."""

from datetime import UTC, datetime

import pytest

from petset.api.types import PersistentVolume, PersistentVolumeClaim, StorageClass
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import (
    CLAIM,
    VOLUME,
    Tree,
    create_errors,
    created,
    defaulted,
    found,
    merged,
    update_errors,
)

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
CLASS: Tree = {"metadata": {"name": "fast"}, "provisioner": "petset.dev/directory", "parameters": {"a": "b"}}
AFFINITY: Tree = {
    "required": {
        "nodeSelectorTerms": [
            {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n"]}]}
        ]
    }
}


def claim(change: Tree) -> Tree:
    return merged(CLAIM, {"spec": change})


def volume(change: Tree) -> Tree:
    return merged(VOLUME, {"spec": change})


def sized(amount: str) -> Tree:
    return {"resources": {"requests": {"storage": amount}}}


def claim_update_errors(before: Tree, after: Tree, status: Tree) -> list[str]:
    strategy = CATALOGUE.of(PersistentVolumeClaim).strategy
    old = defaulted(PersistentVolumeClaim, merged(before, {"status": status}))
    new = defaulted(PersistentVolumeClaim, after)
    strategy.prepare_update(new, old)
    return [str(error) for error in strategy.validate_update(new, old)]


def test_a_claim_is_pending_and_a_filesystem() -> None:
    obj = created(PersistentVolumeClaim, merged(claim(sized("1024Mi")), {"status": {"phase": "Bound"}}))
    assert (obj.status.phase, obj.spec.volume_mode, obj.spec.resources.requests) == (
        "Pending",
        "Filesystem",
        {"storage": "1Gi"},
    )


def test_a_volume_is_pending_and_retained() -> None:
    obj = created(PersistentVolume, VOLUME)
    assert (obj.status.phase, obj.spec.volume_mode, obj.spec.persistent_volume_reclaim_policy) == (
        "Pending",
        "Filesystem",
        "Retain",
    )


def test_a_class_deletes_and_binds_at_once() -> None:
    obj = created(StorageClass, CLASS)
    assert (obj.reclaim_policy, obj.volume_binding_mode) == ("Delete", "Immediate")


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"accessModes": None}, "spec.accessModes", "Required value: at least 1 access mode is required"),
        (
            {"accessModes": ["RWO"]},
            "spec.accessModes",
            'Unsupported value: "RWO": supported values: "ReadOnlyMany", "ReadWriteMany"',
        ),
        (
            {"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]},
            "spec.accessModes",
            "Forbidden: may not use ReadWriteOncePod",
        ),
        ({"resources": None}, "spec.resources[storage]", "Required value"),
        (sized("0"), "spec.resources[storage]", 'Invalid value: "0": must be greater than zero'),
        (sized("-1Gi"), "spec.resources[storage]", 'Invalid value: "-1Gi": must be greater than zero'),
        ({"storageClassName": "A b"}, "spec.storageClassName", 'Invalid value: "A b"'),
        ({"volumeMode": "Disk"}, "spec.volumeMode", 'Unsupported value: "Disk"'),
        (
            {"selector": {"matchLabels": {"": "b"}}},
            "spec.selector.matchLabels",
            'Invalid value: "": name part must be non-empty',
        ),
    ],
)
def test_refuses_claim(change: Tree, path: str, message: str) -> None:
    errors = create_errors(PersistentVolumeClaim, claim(change))
    assert found(errors, path, message), errors


BOUND: Tree = {"phase": "Bound", "capacity": {"storage": "1Gi"}}


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ({}, {"volumeName": "pv-0"}, {"phase": "Pending"}),
        ({}, {"storageClassName": "standard"}, {"phase": "Pending"}),
        ({"volumeName": "pv-0"}, {"volumeName": "pv-0", **sized("2Gi")}, BOUND),
        ({"volumeName": "pv-0", **sized("4Gi")}, {"volumeName": "pv-0", **sized("2Gi")}, BOUND),
    ],
)
def test_permits_claim_to_be_bound_once_and_to_grow(before: Tree, after: Tree, status: Tree) -> None:
    assert claim_update_errors(claim(before), claim(after), status) == []


FIXED = (
    "spec: Forbidden: spec is immutable after creation except resources.requests "
    "and volumeAttributesClassName for bound claims"
)


@pytest.mark.parametrize(
    ("before", "after", "status", "message"),
    [
        ({"volumeName": "pv-0"}, {"volumeName": "pv-1"}, BOUND, FIXED),
        ({}, sized("2Gi"), {"phase": "Pending"}, FIXED),
        ({}, {"accessModes": ["ReadWriteMany"]}, BOUND, FIXED),
        ({"storageClassName": "a"}, {"storageClassName": "b"}, {"phase": "Pending"}, FIXED),
        (
            {},
            sized("512Mi"),
            BOUND,
            "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
        ),
    ],
)
def test_refuses_claim_change(before: Tree, after: Tree, status: Tree, message: str) -> None:
    errors = claim_update_errors(claim(before), claim(after), status)
    assert [error[: len(message)] for error in errors] == [message]


@pytest.mark.parametrize("change", [{}, {"hostPath": None, "local": {"path": "/mnt/d"}, "nodeAffinity": AFFINITY}])
def test_accepts_volume(change: Tree) -> None:
    assert create_errors(PersistentVolume, volume(change)) == []


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"accessModes": None}, "spec.accessModes", "Required value"),
        ({"capacity": None}, "spec.capacity", "Required value"),
        ({"capacity": {"storage": "1Gi", "cpu": "1"}}, "spec.capacity", "Unsupported value: "),
        ({"capacity": {"storage": "0"}}, "spec.capacity[storage]", 'Invalid value: "0": must be greater than zero'),
        ({"persistentVolumeReclaimPolicy": "Keep"}, "spec.persistentVolumeReclaimPolicy", 'Unsupported value: "Keep"'),
        ({"hostPath": None}, "spec", "Required value: must specify a volume type"),
        ({"nfs": {"server": "s", "path": "/"}}, "spec.nfs", "Forbidden: may not specify more than 1 volume type"),
        ({"hostPath": {"path": ""}}, "spec.hostPath.path", "Required value"),
        ({"hostPath": {"path": "/a/../b"}}, "spec.hostPath.path", "Invalid value: "),
        (
            {"hostPath": {"path": "/"}, "persistentVolumeReclaimPolicy": "Recycle"},
            "spec.persistentVolumeReclaimPolicy",
            "Forbidden: ",
        ),
        (
            {"hostPath": None, "local": {"path": "/a"}},
            "spec.nodeAffinity",
            "Required value: Local volume requires node affinity",
        ),
        ({"nodeAffinity": {}}, "spec.nodeAffinity.required", "Required value: must specify required node constraints"),
        ({"volumeMode": "Disk"}, "spec.volumeMode", 'Unsupported value: "Disk"'),
    ],
)
def test_refuses_volume(change: Tree, path: str, message: str) -> None:
    errors = create_errors(PersistentVolume, volume(change))
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (
            {"hostPath": {"path": "/other"}},
            "spec.persistentvolumesource",
            'Forbidden: spec.persistentvolumesource is immutable after creation\n- spec.hostPath.path: "/data"',
        ),
        ({"volumeMode": "Block"}, "spec.volumeMode", 'Invalid value: "Block": field is immutable'),
    ],
)
def test_refuses_volume_change(change: Tree, path: str, message: str) -> None:
    errors = update_errors(PersistentVolume, VOLUME, volume(change))
    assert found(errors, path, message), errors


def test_permits_volume_changes() -> None:
    change = {"persistentVolumeReclaimPolicy": "Delete", "claimRef": {"name": "c"}, "nodeAffinity": AFFINITY}
    assert update_errors(PersistentVolume, VOLUME, volume(change)) == []


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"provisioner": None}, "provisioner", "Required value"),
        ({"provisioner": "a b"}, "provisioner", 'Invalid value: "a b"'),
        ({"reclaimPolicy": "Recycle"}, "reclaimPolicy", 'Unsupported value: "Recycle"'),
        ({"volumeBindingMode": "Later"}, "volumeBindingMode", 'Unsupported value: "Later"'),
    ],
)
def test_refuses_class(change: Tree, path: str, message: str) -> None:
    errors = create_errors(StorageClass, merged(CLASS, change))
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"parameters": {"a": "c"}}, "parameters", "Forbidden: updates to parameters are forbidden."),
        ({"provisioner": "x"}, "provisioner", "Forbidden: updates to provisioner are forbidden."),
        ({"reclaimPolicy": "Retain"}, "reclaimPolicy", "Forbidden: updates to reclaimPolicy are forbidden."),
        ({"volumeBindingMode": "WaitForFirstConsumer"}, "volumeBindingMode", "Invalid value: "),
    ],
)
def test_refuses_class_change(change: Tree, path: str, message: str) -> None:
    errors = update_errors(StorageClass, CLASS, merged(CLASS, change))
    assert found(errors, path, message), errors


def test_a_class_may_come_to_allow_growth() -> None:
    assert update_errors(StorageClass, CLASS, merged(CLASS, {"allowVolumeExpansion": True})) == []


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, ["www-web-0", "Pending", "", "", "", "", "<unset>", "<unknown>", "Filesystem"]),
        (
            {
                "spec": {"storageClassName": "my", "volumeName": "pv-0"},
                "status": {
                    "phase": "Bound",
                    "capacity": {"storage": "1Gi"},
                    "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                },
            },
            ["www-web-0", "Bound", "pv-0", "1Gi", "RWO,RWX", "my", "<unset>", "<unknown>", "Filesystem"],
        ),
        (
            {"metadata": {"deletionTimestamp": "2026-11-23T05:00:00Z"}},
            ["www-web-0", "Terminating", "", "", "", "", "<unset>", "<unknown>", "Filesystem"],
        ),
    ],
)
def test_claim_columns(change: Tree, shown: list[str]) -> None:
    obj = defaulted(PersistentVolumeClaim, merged(CLAIM, change))
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(PersistentVolumeClaim).columns] == shown


def test_volume_columns() -> None:
    bound: Tree = {
        "metadata": {"creationTimestamp": "2026-11-23T05:59:00Z"},
        "spec": {"claimRef": {"namespace": "default", "name": "www-web-0"}, "storageClassName": "my"},
        "status": {"phase": "Bound"},
    }
    obj = defaulted(PersistentVolume, merged(VOLUME, bound))
    shown = ["pv-0", "1Gi", "RWO", "Retain", "Bound", "default/www-web-0", "my", "<unset>", "", "60s", "Filesystem"]
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(PersistentVolume).columns] == shown


def test_class_columns() -> None:
    default = {"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}}
    obj = defaulted(StorageClass, merged(CLASS, default))
    shown = ["fast (default)", "petset.dev/directory", "Delete", "Immediate", False, "<unknown>"]
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(StorageClass).columns] == shown

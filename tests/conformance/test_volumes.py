"""What may be wrong with the volumes of a pod, and with the variables that are read from them."""

import json
from typing import Any

import pytest

from tests.conformance.api import TRY, Api, Tree, pod, refused

VOLUMES: list[tuple[Tree, list[str]]] = [
    ({"gcePersistentDisk": {}}, ["spec.volumes[0].persistentDisk.pdName: Required value"]),
    (
        {"gcePersistentDisk": {"pdName": "a", "partition": -1}},
        ["spec.volumes[0].persistentDisk.partition: Invalid value: -1: must be between 1 and 255, inclusive"],
    ),
    (
        {"gcePersistentDisk": {"pdName": "a", "partition": 256}},
        ["spec.volumes[0].persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive"],
    ),
    ({"awsElasticBlockStore": {}}, ["spec.volumes[0].awsElasticBlockStore.volumeID: Required value"]),
    (
        {"awsElasticBlockStore": {"volumeID": "a", "partition": -1}},
        ["spec.volumes[0].awsElasticBlockStore.partition: Invalid value: -1: must be between 1 and 255, i…"],
    ),
    (
        {"awsElasticBlockStore": {"volumeID": "a", "partition": 256}},
        ["spec.volumes[0].awsElasticBlockStore.partition: Invalid value: 256: must be between 1 and 255, …"],
    ),
    ({"gitRepo": {}}, ["spec.volumes[0].gitRepo.repository: Required value"]),
    (
        {"gitRepo": {"repository": "a", "directory": "/a"}},
        ['spec.volumes[0].gitRepo.directory: Invalid value: "/a": must be a relative path'],
    ),
    (
        {"gitRepo": {"repository": "a", "directory": "../a"}},
        ["spec.volumes[0].gitRepo.directory: Invalid value: \"../a\": must not contain '..'"],
    ),
    (
        {"iscsi": {}},
        ["spec.volumes[0].iscsi.targetPortal: Required value", "spec.volumes[0].iscsi.iqn: Required value"],
    ),
    (
        {"iscsi": {"targetPortal": "a", "iqn": "x", "lun": -1}},
        [
            'spec.volumes[0].iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
            "spec.volumes[0].iscsi.lun: Invalid value: -1: must be between 0 and 255, inclusive",
        ],
    ),
    (
        {"iscsi": {"targetPortal": "a", "iqn": "iqn.x", "lun": 256}},
        [
            'spec.volumes[0].iscsi.iqn: Invalid value: "iqn.x": must be valid format',
            "spec.volumes[0].iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive",
        ],
    ),
    (
        {"iscsi": {"targetPortal": "a", "iqn": "eui.1", "lun": 1, "chapAuthDiscovery": True}},
        [
            'spec.volumes[0].iscsi.iqn: Invalid value: "eui.1": must be valid format',
            "spec.volumes[0].iscsi.secretRef: Required value",
        ],
    ),
    (
        {"iscsi": {"targetPortal": "a", "iqn": "naa.1", "lun": 1, "chapAuthSession": True}},
        [
            'spec.volumes[0].iscsi.iqn: Invalid value: "naa.1": must be valid format',
            "spec.volumes[0].iscsi.secretRef: Required value",
        ],
    ),
    (
        {
            "iscsi": {
                "targetPortal": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "iqn": "iqn.2015-01.example.com:storage.kube.sys1.xyz",
                "lun": 1,
                "initiatorName": "x",
            }
        },
        [
            'spec.volumes[0].iscsi.initiatorname: Invalid value: "x": must be valid format starting with iqn…',
            'spec.volumes[0].name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> mu…',
        ],
    ),
    (
        {
            "iscsi": {
                "targetPortal": "a",
                "iqn": "iqn.2015-01.example.com:storage.kube.sys1.xyz",
                "lun": 1,
                "initiatorName": "iqn.x",
            }
        },
        ['spec.volumes[0].iscsi.initiatorname: Invalid value: "iqn.x": must be valid format'],
    ),
    (
        {"iscsi": {"targetPortal": "a", "iqn": "eui.0123456789abcdef", "lun": 1, "initiatorName": "eui.x"}},
        ['spec.volumes[0].iscsi.initiatorname: Invalid value: "eui.x": must be valid format'],
    ),
    (
        {"iscsi": {"targetPortal": "a", "iqn": "naa.0123456789abcdef", "lun": 1, "initiatorName": "naa.x"}},
        [
            'spec.volumes[0].iscsi.iqn: Invalid value: "naa.0123456789abcdef": must be valid format',
            'spec.volumes[0].iscsi.initiatorname: Invalid value: "naa.x": must be valid format',
        ],
    ),
    ({"iscsi": {"targetPortal": "a", "iqn": "naa.0123456789abcdef0123456789abcdef", "lun": 0}}, []),
    (
        {
            "iscsi": {
                "targetPortal": "1.2.3.4",
                "iqn": "iqn.2015-01.example.com:storage.kube.sys1.xyz",
                "lun": 1,
                "initiatorName": "",
            }
        },
        ['spec.volumes[0].iscsi.initiatorname: Invalid value: "": must be valid format starting with iqn,…'],
    ),
    (
        {"glusterfs": {}},
        ["spec.volumes[0].glusterfs.endpoints: Required value", "spec.volumes[0].glusterfs.path: Required value"],
    ),
    ({"glusterfs": {"endpoints": "a", "path": "../x"}}, []),
    ({"glusterfs": {"path": "a"}}, ["spec.volumes[0].glusterfs.endpoints: Required value"]),
    ({"flocker": {}}, ["spec.volumes[0].flocker: Required value: one of datasetName and datasetUUID is required"]),
    (
        {"flocker": {"datasetName": "a", "datasetUUID": "b"}},
        ['spec.volumes[0].flocker: Invalid value: "resource": datasetName and datasetUUID can not be spec…'],
    ),
    (
        {"flocker": {"datasetName": "a/b"}},
        ["spec.volumes[0].flocker.datasetName: Invalid value: \"a/b\": must not contain '/'"],
    ),
    ({"flocker": {"datasetUUID": "x"}}, []),
    ({"rbd": {}}, ["spec.volumes[0].rbd.monitors: Required value", "spec.volumes[0].rbd.image: Required value"]),
    ({"rbd": {"monitors": ["a"]}}, ["spec.volumes[0].rbd.image: Required value"]),
    ({"rbd": {"image": "b"}}, ["spec.volumes[0].rbd.monitors: Required value"]),
    ({"cinder": {}}, ["spec.volumes[0].cinder.volumeID: Required value"]),
    ({"cinder": {"volumeID": "a", "secretRef": {}}}, ["spec.volumes[0].cinder.secretRef.name: Required value"]),
    ({"cinder": {"volumeID": "a", "secretRef": {"name": "x"}}}, []),
    ({"cephfs": {}}, ["spec.volumes[0].cephfs.monitors: Required value"]),
    ({"cephfs": {"monitors": ["a"]}}, []),
    (
        {"quobyte": {}},
        [
            "spec.volumes[0].quobyte.registry: Required value: must be a host:port pair or multiple pairs se…",
            "spec.volumes[0].quobyte.volume: Required value",
        ],
    ),
    (
        {"quobyte": {"registry": "a", "volume": "v"}},
        ['spec.volumes[0].quobyte.registry: Invalid value: "a": must be a host:port pair or multiple pair…'],
    ),
    ({"quobyte": {"registry": "a:1", "volume": ""}}, ["spec.volumes[0].quobyte.volume: Required value"]),
    (
        {"quobyte": {"registry": "a:1,b", "volume": "v"}},
        ['spec.volumes[0].quobyte.registry: Invalid value: "a:1,b": must be a host:port pair or multiple …'],
    ),
    (
        {
            "quobyte": {
                "registry": "a:1,b:2",
                "volume": "v",
                "tenant": "ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt",
            }
        },
        ["spec.volumes[0].quobyte.tenant: Required value: must be a UUID and may not exceed a length of 6…"],
    ),
    (
        {"quobyte": {"registry": "a:1:2", "volume": "v"}},
        ['spec.volumes[0].quobyte.registry: Invalid value: "a:1:2": must be a host:port pair or multiple …'],
    ),
    (
        {"fc": {}},
        ["spec.volumes[0].fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"],
    ),
    (
        {"fc": {"targetWWNs": ["a"]}},
        ["spec.volumes[0].fc.lun: Required value: lun is required if targetWWNs is specified"],
    ),
    (
        {"fc": {"targetWWNs": ["a"], "lun": -1}},
        ["spec.volumes[0].fc.lun: Invalid value: -1: must be between 0 and 255, inclusive"],
    ),
    (
        {"fc": {"targetWWNs": ["a"], "lun": 256}},
        ["spec.volumes[0].fc.lun: Invalid value: 256: must be between 0 and 255, inclusive"],
    ),
    ({"fc": {"wwids": ["a"]}}, []),
    (
        {"fc": {"wwids": ["a"], "targetWWNs": ["a"], "lun": 0}},
        ['spec.volumes[0].fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified …'],
    ),
    ({"flexVolume": {}}, ["spec.volumes[0].flexVolume.driver: Required value"]),
    ({"flexVolume": {"driver": "a b"}}, []),
    (
        {"flexVolume": {"driver": "a", "options": {"kubernetes.io/x": "y"}}},
        ['spec.volumes[0].flexVolume.options[kubernetes.io/x]: Invalid value: "kubernetes.io/x": kubernet…'],
    ),
    (
        {"flexVolume": {"driver": "a", "options": {"k8s.io/x": "y", "a": "b"}}},
        ['spec.volumes[0].flexVolume.options[k8s.io/x]: Invalid value: "k8s.io/x": kubernetes.io and k8s.…'],
    ),
    ({"flexVolume": {"driver": "A/b"}}, []),
    ({"flexVolume": {"driver": "a/"}}, []),
    (
        {"flexVolume": {"driver": "x", "options": {"a.kubernetes.io/x": "y"}}},
        ['spec.volumes[0].flexVolume.options[a.kubernetes.io/x]: Invalid value: "a.kubernetes.io/x": kube…'],
    ),
    (
        {"azureFile": {}},
        ["spec.volumes[0].azureFile.secretName: Required value", "spec.volumes[0].azureFile.shareName: Required value"],
    ),
    ({"azureFile": {"secretName": "a", "shareName": "b"}}, []),
    ({"vsphereVolume": {}}, ["spec.volumes[0].vsphereVolume.volumePath: Required value"]),
    ({"photonPersistentDisk": {}}, ["spec.volumes[0].photonPersistentDisk.pdID: Required value"]),
    ({"portworxVolume": {}}, ["spec.volumes[0].portworxVolume.volumeID: Required value"]),
    (
        {"azureDisk": {}},
        [
            "spec.volumes[0].azureDisk.diskName: Required value",
            "spec.volumes[0].azureDisk.diskURI: Required value",
            'spec.volumes[0].azureDisk.diskURI: Unsupported value: "": supported values: "https://{account-n…',
        ],
    ),
    (
        {"azureDisk": {"diskName": "a", "diskURI": "b", "kind": "x"}},
        [
            'spec.volumes[0].azureDisk.kind: Unsupported value: "x": supported values: "Dedicated", "Managed…',
            'spec.volumes[0].azureDisk.diskURI: Unsupported value: "b": supported values: "https://{account-…',
        ],
    ),
    (
        {"azureDisk": {"diskName": "a", "diskURI": "b", "kind": "Managed"}},
        ['spec.volumes[0].azureDisk.diskURI: Unsupported value: "b": supported values: "/subscriptions/{s…'],
    ),
    (
        {"azureDisk": {"diskName": "a", "diskURI": "/subscriptions/a", "kind": "Managed", "cachingMode": "x"}},
        ['spec.volumes[0].azureDisk.cachingMode: Unsupported value: "x": supported values: "None", "ReadO…'],
    ),
    ({"azureDisk": {"diskName": "a", "diskURI": "https://a", "kind": "Dedicated", "cachingMode": "ReadOnly"}}, []),
    (
        {"azureDisk": {"diskName": "a", "diskURI": "/subscriptions/a", "kind": "Shared"}},
        ['spec.volumes[0].azureDisk.diskURI: Unsupported value: "/subscriptions/a": supported values: "ht…'],
    ),
    ({"storageos": {}}, ["spec.volumes[0].storageos.volumeName: Required value"]),
    (
        {"storageos": {"volumeName": "A"}},
        ['spec.volumes[0].storageos.volumeName: Invalid value: "A": a lowercase RFC 1123 label must consi…'],
    ),
    (
        {"storageos": {"volumeName": "a", "volumeNamespace": "A"}},
        ['spec.volumes[0].storageos.volumeNamespace: Invalid value: "A": a lowercase RFC 1123 label must …'],
    ),
    ({"storageos": {"volumeName": "a", "secretRef": {}}}, ["spec.volumes[0].storageos.secretRef.name: Required value"]),
    (
        {"storageos": {"volumeName": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
        ['spec.volumes[0].storageos.volumeName: Invalid value: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…'],
    ),
    (
        {"scaleIO": {}},
        [
            "spec.volumes[0].scaleIO.gateway: Required value",
            "spec.volumes[0].scaleIO.system: Required value",
            "spec.volumes[0].scaleIO.volumeName: Required value",
        ],
    ),
    ({"scaleIO": {"gateway": "a", "system": "b", "volumeName": "c"}}, []),
    (
        {"scaleIO": {"gateway": "a", "system": "b", "volumeName": "c", "secretRef": {"name": "x"}, "storageMode": "x"}},
        [],
    ),
    ({"csi": {}}, ["spec.volumes[0].csi.driver: Required value"]),
    ({"csi": {"driver": "A"}}, []),
    (
        {"csi": {"driver": "a", "nodePublishSecretRef": {}}},
        ["spec.volumes[0].csi.nodePublishSecretRef.name: Required value"],
    ),
    (
        {"csi": {"driver": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
        ["spec.volumes[0].csi.driver: Too long: may not be more than 63 bytes"],
    ),
    (
        {"csi": {"driver": "a", "fsType": "x", "nodePublishSecretRef": {"name": "A"}}},
        ['spec.volumes[0].csi.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lo…'],
    ),
    (
        {"csi": {"driver": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
        ["spec.volumes[0].csi.driver: Too long: may not be more than 63 bytes"],
    ),
    ({"image": {}}, ["spec.volumes[0].image.reference: Required value"]),
    ({"image": {"reference": " a"}}, []),
    (
        {"image": {"reference": "a", "pullPolicy": "x"}},
        ['spec.volumes[0].image.pullPolicy: Unsupported value: "x": supported values: "Always", "IfNotPre…'],
    ),
    ({"image": {"reference": "A B"}}, []),
    (
        {"nfs": {}},
        [
            "spec.volumes[0].nfs.server: Required value",
            "spec.volumes[0].nfs.path: Required value",
            'spec.volumes[0].nfs.path: Invalid value: "": must be an absolute path',
        ],
    ),
    ({"nfs": {"server": "a", "path": "b"}}, ['spec.volumes[0].nfs.path: Invalid value: "b": must be an absolute path']),
    ({"hostPath": {}}, ["spec.volumes[0].hostPath.path: Required value"]),
    (
        {"hostPath": {"path": "a/../b"}},
        ["spec.volumes[0].hostPath.path: Invalid value: \"a/../b\": must not contain '..'"],
    ),
    (
        {"hostPath": {"path": "a", "type": "x"}},
        ['spec.volumes[0].hostPath.type: Unsupported value: "x": supported values: "", "BlockDevice", "Ch…'],
    ),
    ({"ephemeral": {}}, ["spec.volumes[0].ephemeral.volumeClaimTemplate: Required value"]),
    (
        {"ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
        [
            "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 acce…",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
        ],
    ),
    (
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "metadata": {"name": "x", "namespace": "y"},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}},
                }
            }
        },
        [
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.namespace: Forbidden: cannot be set",
        ],
    ),
    (
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "metadata": {"labels": {"a b": "c"}, "annotations": {"a b": "c"}, "finalizers": ["x"]},
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}},
                }
            }
        },
        [
            'spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.annotations: Invalid value: "a b": name …',
            'spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.labels: Invalid value: "a b": name part …',
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.finalizers: Forbidden: cannot be set",
        ],
    ),
    (
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1"}},
                        "volumeName": "a",
                    }
                }
            }
        },
        [],
    ),
    (
        {"projected": {"sources": [{"serviceAccountToken": {"path": "a", "expirationSeconds": 1}}]}},
        ["spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: m…"],
    ),
    (
        {"gcePersistentDisk": {"pdName": "a"}, "emptyDir": {}},
        ["spec.volumes[0].gcePersistentDisk: Forbidden: may not specify more than 1 volume type"],
    ),
    (
        {"cephfs": {"monitors": ["a"]}, "emptyDir": {}},
        ["spec.volumes[0].cephFS: Forbidden: may not specify more than 1 volume type"],
    ),
    (
        {"downwardAPI": {"items": []}, "emptyDir": {}},
        ["spec.volumes[0].downwarAPI: Forbidden: may not specify more than 1 volume type"],
    ),
    ({"secret": {"secretName": "A"}}, []),
    ({"secret": {}}, ["spec.volumes[0].secret.secretName: Required value"]),
    ({"configMap": {"name": "A"}}, []),
    ({"configMap": {}}, ["spec.volumes[0].configMap.name: Required value"]),
    ({"persistentVolumeClaim": {"claimName": "A"}}, []),
    ({"projected": {"sources": [{"configMap": {"name": "A"}}, {"secret": {"name": "A"}}]}}, []),
    (
        {"projected": {"sources": [{"configMap": {}}, {"secret": {}}]}},
        [
            "spec.volumes[0].projected.sources[0].configMap.name: Required value",
            "spec.volumes[0].projected.sources[1].secret.name: Required value",
        ],
    ),
    (
        {"emptyDir": {"sizeLimit": "-1"}},
        ["spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity"],
    ),
    ({"emptyDir": {"medium": "x"}}, []),
    (
        {
            "secret": {
                "secretName": "a",
                "defaultMode": -1,
                "items": [{"key": "a b", "path": "..a"}, {"key": "", "path": "", "mode": 1000}],
            }
        },
        [
            "spec.volumes[0].secret.defaultMode: Invalid value: -1: must be a number between 0 and 0777 (oct…",
            "spec.volumes[0].secret.items[0].path: Invalid value: \"..a\": must not start with '..'",
            "spec.volumes[0].secret.items[1].key: Required value",
            "spec.volumes[0].secret.items[1].path: Required value",
            "spec.volumes[0].secret.items[1].mode: Invalid value: 1000: must be a number between 0 and 0777 …",
        ],
    ),
    (
        {"downwardAPI": {"items": [{"path": "a"}]}},
        ["spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"],
    ),
    (
        {
            "downwardAPI": {
                "items": [
                    {"path": "a", "fieldRef": {"fieldPath": "x"}},
                    {"path": "a", "fieldRef": {"fieldPath": "metadata.name"}},
                ]
            }
        },
        ['spec.volumes[0].downwardAPI.fieldRef.fieldPath: Invalid value: "x": error converting fieldPath:…'],
    ),
    (
        {
            "projected": {
                "sources": [
                    {
                        "downwardAPI": {
                            "items": [
                                {"path": "a", "fieldRef": {"fieldPath": "metadata.name"}},
                                {"path": "a", "fieldRef": {"fieldPath": "metadata.name"}},
                            ]
                        }
                    }
                ]
            }
        },
        ['spec.volumes[0].projected: Invalid value: "a": conflicting duplicate paths'],
    ),
    ({"projected": {}}, []),
    ({"projected": {"sources": [{}]}}, []),
    ({"projected": {"sources": [{"serviceAccountToken": {"path": "a"}}, {"serviceAccountToken": {"path": "a"}}]}}, []),
    (
        {
            "projected": {
                "sources": [{"serviceAccountToken": {"audience": "", "expirationSeconds": 600, "path": "../a"}}]
            }
        },
        ["spec.volumes[0].projected.path: Invalid value: \"../a\": must not contain '..'"],
    ),
    ({"cephfs": {"monitors": ["a"], "path": "../x"}}, []),
    ({"rbd": {"monitors": ["a"], "image": "b", "secretRef": {}}}, []),
    ({"quobyte": {"registry": "[::1]:80", "volume": "v"}}, []),
    (
        {"quobyte": {"registry": "::1:80", "volume": "v"}},
        ['spec.volumes[0].quobyte.registry: Invalid value: "::1:80": must be a host:port pair or multiple…'],
    ),
    ({"quobyte": {"registry": ":80", "volume": "v"}}, []),
    ({"quobyte": {"registry": "a:", "volume": "v"}}, []),
    (
        {"quobyte": {"registry": "[a]x:80", "volume": "v"}},
        ['spec.volumes[0].quobyte.registry: Invalid value: "[a]x:80": must be a host:port pair or multipl…'],
    ),
    (
        {"quobyte": {"registry": "a[b]:80", "volume": "v"}},
        ['spec.volumes[0].quobyte.registry: Invalid value: "a[b]:80": must be a host:port pair or multipl…'],
    ),
    ({"gcePersistentDisk": {"pdName": "a", "partition": 0}}, []),
    (
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "metadata": {
                        "creationTimestamp": None,
                        "generateName": "x",
                        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "y"}],
                        "managedFields": [{}],
                        "uid": "u",
                        "generation": 1,
                    },
                    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}},
                }
            }
        },
        [
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.generateName: Forbidden: cannot be set",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.uID: Forbidden: cannot be set",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.generation: Forbidden: cannot be set",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.ownerReferences: Forbidden: cannot be set",
            "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.managedFields: Forbidden: cannot be set",
        ],
    ),
]
FILES: list[tuple[Tree, list[str]]] = [
    (
        {"fileKeyRef": {}},
        [
            "spec.containers[0].env[0].valueFrom.fileKeyRef.key: Required value",
            "spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Required value",
            "spec.containers[0].env[0].valueFrom.fileKeyRef.path: Required value",
            'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: ""',
        ],
    ),
    ({"fileKeyRef": {"key": "A", "volumeName": "v", "path": "p"}}, []),
    (
        {"fileKeyRef": {"key": "A=", "volumeName": "V", "path": "../p"}},
        [
            'spec.containers[0].env[0].valueFrom.fileKeyRef.key: Invalid value: "A=": a valid environment va…',
            'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "V": a lowercase RFC …',
            "spec.containers[0].env[0].valueFrom.fileKeyRef.path: Invalid value: \"../p\": must not contain '..'",
            'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: "V"',
        ],
    ),
    (
        {"fileKeyRef": {"key": "A", "volumeName": "absent", "path": "p"}},
        ['spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Not found: "absent"'],
    ),
    ({"fileKeyRef": {"key": "A", "volumeName": "v", "path": "/p"}}, []),
    (
        {"fileKeyRef": {"key": "A", "volumeName": "v", "path": "p"}, "secretKeyRef": {"name": "a", "key": "b"}},
        ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not have more than one field specif…'],
    ),
    (
        {"fileKeyRef": {"key": "A", "volumeName": "h", "path": "p"}},
        ['spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "h": referenced volum…'],
    ),
]


def _named(cases: list[tuple[Tree, list[str]]]) -> list[Any]:
    return [pytest.param(*case, id=json.dumps(case[0])[1:60]) for case in cases]


@pytest.mark.parametrize(("source", "causes"), _named(VOLUMES))
async def test_a_volume_has_a_source_that_makes_sense(there: Api, source: Tree, causes: list[str]) -> None:
    await _judge(there, pod(volumes=[{"name": "v", **source}]), causes)


@pytest.mark.parametrize(("source", "causes"), _named(FILES))
async def test_a_file_with_variables_lies_in_an_empty_directory(there: Api, source: Tree, causes: list[str]) -> None:
    container = {"name": "c", "image": "i", "env": [{"name": "E", "valueFrom": source}]}
    volumes = [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/h"}}]
    await _judge(there, pod(volumes=volumes, containers=[container]), causes)


async def _judge(there: Api, asked: Tree, causes: list[str]) -> None:
    reply = await there.post("pods", asked, TRY)
    if causes:
        refused(reply, 422, "Invalid", causes=causes)
    else:
        reply.done(201)

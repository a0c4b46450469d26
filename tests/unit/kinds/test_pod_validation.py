"""Pod specs: what is accepted, and path and words of what is not."""

import pytest

from petset.api.types import Pod
from tests.unit.kinds.samples import CONTAINER, POD, Tree, create_errors, found, merged

RESTARTED = {"resourceName": "cpu", "restartPolicy": "RestartContainer"}
VOLUMES = [{"name": "data", "emptyDir": {}}]


def of_spec(change: Tree) -> Tree:
    return merged(POD, {"spec": change})


def of_container(change: Tree) -> Tree:
    return of_spec({"containers": [merged(CONTAINER, change)], "volumes": VOLUMES})


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"volumes": [{"name": "data"}]},
        {"volumes": [{"name": "a", "hostPath": {"path": "/srv", "type": "DirectoryOrCreate"}}]},
        {"volumes": [{"name": "a", "configMap": {"name": "c", "items": [{"key": "k", "path": "d/f"}]}}]},
        {
            "volumes": [
                {"name": "a", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}}
            ]
        },
        {"volumes": [{"name": "a", "nfs": {"server": "s", "path": "/"}}]},
        {"initContainers": [{"name": "init", "image": "busybox"}]},
        {
            "initContainers": [
                {"name": "s", "image": "i", "restartPolicy": "Always", "readinessProbe": {"exec": {"command": ["a"]}}}
            ]
        },
        {"tolerations": [{"operator": "Exists"}]},
        {"tolerations": [{"key": "a", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}]},
        {"nodeSelector": {"kubernetes.io/hostname": "n"}},
        {"hostname": "web-0", "subdomain": "nginx"},
        {"dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.1.1.1"], "searches": ["a.b", "."]}},
        {"restartPolicy": "Never", "activeDeadlineSeconds": 1},
        {"schedulingGates": [{"name": "example.com/quota"}]},
        {"containers": [merged(CONTAINER, {"resizePolicy": [RESTARTED]})]},
        {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a.b"]}]},
    ],
)
def test_accepts_spec(change: Tree) -> None:
    assert create_errors(Pod, of_spec(change)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"ports": [{"containerPort": 80, "name": "web"}, {"containerPort": 80, "name": "web2"}]},
        {"env": [{"name": "A", "value": "b"}, {"name": "A", "value": ""}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}}]},
        {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}}]},
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
        {"envFrom": [{"prefix": "P_", "configMapRef": {"name": "c"}}]},
        {"volumeMounts": [{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/b", "subPath": "b"}]},
        {"readinessProbe": {"httpGet": {"port": "web"}}},
        {"livenessProbe": {"tcpSocket": {"port": 80}}},
        {"startupProbe": {"grpc": {"port": 80}}},
        {"lifecycle": {"preStop": {"sleep": {"seconds": 30}}}},
        {"lifecycle": {"postStart": {"exec": {"command": ["true"]}}}},
        {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": 1, "memory": "1024Mi"}}},
        {"resources": {"limits": {"example.com/gpu": 1}}},
        {"securityContext": {"runAsUser": 0, "privileged": True}},
    ],
)
def test_accepts_container(change: Tree) -> None:
    assert create_errors(Pod, of_container(change)) == []


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"name": None}, ".name", "Required value"),
        ({"name": "Nginx"}, ".name", 'Invalid value: "Nginx": a lowercase RFC 1123 label'),
        ({"image": None}, ".image", "Required value"),
        ({"image": " nginx"}, ".image", 'Invalid value: " nginx": must not have leading or trailing whitespace'),
        (
            {"imagePullPolicy": "Sometimes"},
            ".imagePullPolicy",
            'Unsupported value: "Sometimes": supported values: "Always"',
        ),
        ({"terminationMessagePolicy": "x"}, ".terminationMessagePolicy", 'Unsupported value: "x"'),
        ({"ports": [{}]}, ".ports[0].containerPort", "Required value"),
        (
            {"ports": [{"containerPort": 70000}]},
            ".ports[0].containerPort",
            "Invalid value: 70000: must be between 1 and 65535",
        ),
        ({"ports": [{"containerPort": 80, "hostPort": -1}]}, ".ports[0].hostPort", "Invalid value: -1"),
        ({"ports": [{"containerPort": 80, "protocol": "tcp"}]}, ".ports[0].protocol", 'Unsupported value: "tcp"'),
        (
            {"ports": [{"containerPort": 80, "name": "Web"}]},
            ".ports[0].name",
            'Invalid value: "Web": must contain only',
        ),
        (
            {"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]},
            ".ports[1].name",
            'Duplicate value: "a"',
        ),
        (
            {"ports": [{"containerPort": 1, "hostPort": 9}, {"containerPort": 2, "hostPort": 9}]},
            ".ports[1].hostPort",
            'Duplicate value: "TCP//9"',
        ),
        ({"env": [{"value": "x"}]}, ".env[0].name", "Required value"),
        ({"env": [{"name": "A=B"}]}, ".env[0].name", 'Invalid value: "A=B"'),
        ({"env": [{"name": "A", "valueFrom": {}}]}, ".env[0].valueFrom", 'Invalid value: "": must specify one of'),
        (
            {"env": [{"name": "A", "value": "b", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
            ".env[0].valueFrom",
            'Invalid value: "": may not be specified when `value` is not empty',
        ),
        (
            {
                "env": [
                    {
                        "name": "A",
                        "valueFrom": {
                            "secretKeyRef": {"name": "s", "key": "k"},
                            "configMapKeyRef": {"name": "s", "key": "k"},
                        },
                    }
                ]
            },
            ".env[0].valueFrom",
            'Invalid value: "": may not have more than one field',
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"key": "k"}}}]},
            ".env[0].valueFrom.secretKeyRef.name",
            'Invalid value: "": a lowercase RFC 1123 subdomain',
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c"}}}]},
            ".env[0].valueFrom.configMapKeyRef.key",
            "Required value",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}]},
            ".env[0].valueFrom.fieldRef.fieldPath",
            'Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo',
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}}]},
            ".env[0].valueFrom.fieldRef.fieldPath",
            'Unsupported value: "metadata.labels"',
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
            ".env[0].valueFrom.fieldRef.fieldPath",
            "Required value",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "cpu"}}}]},
            ".env[0].valueFrom.resourceFieldRef.resource",
            'Unsupported value: "cpu"',
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}}]},
            ".env[0].valueFrom.resourceFieldRef.divisor",
            'Invalid value: "limits.cpu": only divisor\'s values 1m, 1',
        ),
        ({"envFrom": [{}]}, ".envFrom", 'Invalid value: "": must specify one of: `configMapRef` or `secretRef`'),
        ({"envFrom": [{"secretRef": {}}]}, ".envFrom[0].secretRef.name", "Required value"),
        ({"volumeMounts": [{"name": "other", "mountPath": "/x"}]}, ".volumeMounts[0].name", 'Not found: "other"'),
        ({"volumeMounts": [{"mountPath": "/x"}]}, ".volumeMounts[0].name", "Required value"),
        ({"volumeMounts": [{"name": "data"}]}, ".volumeMounts[0].mountPath", "Required value"),
        (
            {"volumeMounts": [{"name": "data", "mountPath": "/x"}, {"name": "data", "mountPath": "/x"}]},
            ".volumeMounts[1].mountPath",
            'Invalid value: "/x": must be unique',
        ),
        (
            {"volumeMounts": [{"name": "data", "mountPath": "/x", "subPath": "../y"}]},
            ".volumeMounts.subPath",
            "Invalid value: \"../y\": must not contain '..'",
        ),
        (
            {"volumeMounts": [{"name": "data", "mountPath": "/x", "subPath": "/y"}]},
            ".volumeMounts.subPath",
            'Invalid value: "/y": must be a relative path',
        ),
        (
            {"volumeMounts": [{"name": "data", "mountPath": "/x", "subPath": "a", "subPathExpr": "b"}]},
            ".volumeMounts[0].subPathExpr",
            'Invalid value: "b": subPathExpr and subPath are mutually exclusive',
        ),
        (
            {"volumeDevices": [{"name": "data", "devicePath": "/dev/x"}]},
            ".volumeDevices[0].name",
            'Invalid value: "data": can only use',
        ),
        ({"livenessProbe": {}}, ".livenessProbe", "Required value: must specify a handler type"),
        (
            {"livenessProbe": {"tcpSocket": {"port": 0}}},
            ".livenessProbe.tcpSocket.port",
            "Invalid value: 0: must be between",
        ),
        (
            {"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}},
            ".livenessProbe.successThreshold",
            "Invalid value: 2: must be 1",
        ),
        (
            {"startupProbe": {"tcpSocket": {"port": 1}, "periodSeconds": -1}},
            ".startupProbe.periodSeconds",
            "Invalid value: -1: must be greater than or equal to 0",
        ),
        ({"readinessProbe": {"exec": {}}}, ".readinessProbe.exec.command", "Required value"),
        (
            {"readinessProbe": {"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}},
            ".readinessProbe.tcpSocket",
            "Forbidden: may not specify more than 1 handler type",
        ),
        (
            {"readinessProbe": {"httpGet": {"port": 80, "scheme": "ftp"}}},
            ".readinessProbe.httpGet.scheme",
            'Unsupported value: "ftp"',
        ),
        ({"readinessProbe": {"httpGet": {"port": "a_b"}}}, ".readinessProbe.httpGet.port", 'Invalid value: "a_b"'),
        (
            {"readinessProbe": {"tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 3}},
            ".readinessProbe.terminationGracePeriodSeconds",
            "Invalid value: 3: must not be set for readinessProbes",
        ),
        ({"lifecycle": {"preStop": {}}}, ".lifecycle.preStop", "Required value: must specify a handler type"),
        (
            {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}},
            ".lifecycle.preStop.sleep",
            "Invalid value: 31: must be non-negative",
        ),
        (
            {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
            ".resources.requests",
            'Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            {"resources": {"requests": {"memory": "-1Gi"}}},
            ".resources.requests[memory]",
            'Invalid value: "-1Gi": must be greater than or equal to 0',
        ),
        (
            {"resources": {"limits": {"storage": "1"}}},
            ".resources.limits[storage]",
            'Invalid value: "storage": must be a standard resource for containers',
        ),
        (
            {"resources": {"requests": {"example.com/gpu": "1"}}},
            ".resources.limits",
            "Required value: Limit must be set",
        ),
        ({"resizePolicy": [RESTARTED, RESTARTED]}, ".resizePolicy[1]", 'Duplicate value: "cpu"'),
        (
            {"resizePolicy": [{"resourceName": "gpu"}]},
            ".resizePolicy",
            'Unsupported value: "gpu": supported values: "cp',
        ),
        ({"resizePolicy": [{"resourceName": "cpu"}]}, ".resizePolicy", "Required value"),
        ({"restartPolicy": "Maybe"}, ".restartPolicy", 'Unsupported value: "Maybe"'),
        ({"securityContext": {"runAsUser": -1}}, ".securityContext.runAsUser", "Invalid value: -1: must be between 0"),
        (
            {"securityContext": {"privileged": True, "allowPrivilegeEscalation": False}},
            ".securityContext",
            "Invalid value: ",
        ),
    ],
)
def test_refuses_container(change: Tree, path: str, message: str) -> None:
    errors = create_errors(Pod, of_container(change))
    assert found(errors, f"spec.containers[0]{path}", message), errors


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"containers": []}, "spec.containers", "Required value"),
        ({"containers": [CONTAINER, CONTAINER]}, "spec.containers[1].name", 'Duplicate value: "nginx"'),
        ({"initContainers": [CONTAINER]}, "spec.initContainers[0].name", 'Duplicate value: "nginx"'),
        (
            {"initContainers": [{"name": "i", "image": "i", "readinessProbe": {"exec": {"command": ["a"]}}}]},
            "spec.initContainers[0].readinessProbe",
            "Forbidden: may not be set for init containers without restartPolicy=Always",
        ),
        ({"restartPolicy": "Sometimes"}, "spec.restartPolicy", 'Unsupported value: "Sometimes"'),
        ({"dnsPolicy": "x"}, "spec.dnsPolicy", 'Unsupported value: "x"'),
        ({"dnsPolicy": "None"}, "spec.dnsConfig", "Required value: must provide `dnsConfig`"),
        (
            {"dnsConfig": {"nameservers": ["x"]}},
            "spec.dnsConfig.nameservers[0]",
            'Invalid value: "x": must be a valid IP address',
        ),
        (
            {"dnsConfig": {"options": [{"value": "1"}]}},
            "spec.dnsConfig.options[0]",
            "Required value: must not be empty",
        ),
        ({"hostname": "a.b"}, "spec.hostname", 'Invalid value: "a.b": must not contain dots'),
        ({"subdomain": "A"}, "spec.subdomain", 'Invalid value: "A": a lowercase RFC 1123 label'),
        ({"hostAliases": [{"ip": "x"}]}, "spec.hostAliases[0].ip", 'Invalid value: "x"'),
        ({"nodeSelector": {"a b": "c"}}, "spec.nodeSelector", 'Invalid value: "a b": name part must consist'),
        ({"nodeName": "A"}, "spec.nodeName", 'Invalid value: "A"'),
        ({"serviceAccountName": "A"}, "spec.serviceAccountName", 'Invalid value: "A"'),
        (
            {"activeDeadlineSeconds": -1},
            "spec.activeDeadlineSeconds",
            "Invalid value: -1: must be between 1 and 2147483647",
        ),
        ({"volumes": [{"emptyDir": {}}]}, "spec.volumes[0].name", "Required value"),
        ({"volumes": [{"name": "A"}]}, "spec.volumes[0].name", 'Invalid value: "A"'),
        ({"volumes": [{"name": "a"}, {"name": "a"}]}, "spec.volumes[1].name", 'Duplicate value: "a"'),
        (
            {"volumes": [{"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}]},
            "spec.volumes[0].hostPath",
            "Forbidden: may not specify more than 1 volume type",
        ),
        ({"volumes": [{"name": "a", "hostPath": {}}]}, "spec.volumes[0].hostPath.path", "Required value"),
        (
            {"volumes": [{"name": "a", "hostPath": {"path": "/a/../b"}}]},
            "spec.volumes[0].hostPath.path",
            "Invalid value: \"/a/../b\": must not contain '..'",
        ),
        (
            {"volumes": [{"name": "a", "hostPath": {"path": "/a", "type": "Dir"}}]},
            "spec.volumes[0].hostPath.type",
            'Unsupported value: "Dir"',
        ),
        ({"volumes": [{"name": "a", "configMap": {}}]}, "spec.volumes[0].configMap.name", "Required value"),
        (
            {"volumes": [{"name": "a", "configMap": {"name": "c", "defaultMode": 512}}]},
            "spec.volumes[0].configMap.defaultMode",
            "Invalid value: 512: must be a number between 0 and 0777 (octal)",
        ),
        (
            {"volumes": [{"name": "a", "configMap": {"name": "c", "items": [{"key": "k", "path": "/x"}]}}]},
            "spec.volumes[0].configMap.items[0].path",
            'Invalid value: "/x": must be a relative path',
        ),
        ({"volumes": [{"name": "a", "secret": {}}]}, "spec.volumes[0].secret.secretName", "Required value"),
        (
            {"volumes": [{"name": "a", "secret": {"secretName": "s", "items": [{"key": "k"}]}}]},
            "spec.volumes[0].secret.items[0].path",
            "Required value",
        ),
        (
            {"volumes": [{"name": "a", "persistentVolumeClaim": {}}]},
            "spec.volumes[0].persistentVolumeClaim.claimName",
            "Required value",
        ),
        (
            {"volumes": [{"name": "a", "downwardAPI": {"items": [{"path": "p"}]}}]},
            "spec.volumes[0].downwardAPI",
            "Required value: one of fieldRef and resourceFieldRef is required",
        ),
        (
            {
                "volumes": [
                    {
                        "name": "a",
                        "downwardAPI": {"items": [{"path": "p", "resourceFieldRef": {"resource": "limits.cpu"}}]},
                    }
                ]
            },
            "spec.volumes[0].downwardAPI.resourceFieldRef.containerName",
            "Required value",
        ),
        (
            {
                "volumes": [
                    {
                        "name": "a",
                        "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 1}}]},
                    }
                ]
            },
            "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds",
            "Invalid value: 1: may not specify a duration less",
        ),
        (
            {
                "volumes": [
                    {
                        "name": "a",
                        "projected": {
                            "sources": [
                                {"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}},
                                {"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}},
                            ]
                        },
                    }
                ]
            },
            "spec.volumes[0].projected",
            'Invalid value: "s": conflicting duplicate paths',
        ),
        (
            {"tolerations": [{"value": "x"}]},
            "spec.tolerations[0].operator",
            'Invalid value: "": operator must be Exists when `key` is empty',
        ),
        (
            {"tolerations": [{"key": "a", "operator": "Exists", "value": "x"}]},
            "spec.tolerations[0].operator",
            "Invalid value: ",
        ),
        (
            {"tolerations": [{"key": "a", "effect": "Never"}]},
            "spec.tolerations[0].effect",
            'Unsupported value: "Never"',
        ),
        (
            {"tolerations": [{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 1}]},
            "spec.tolerations[0].effect",
            "Invalid value: \"NoSchedule\": effect must be 'NoExecute'",
        ),
        (
            {
                "affinity": {
                    "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
                }
            },
            "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms",
            "Required value: must have at least one",
        ),
        (
            {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}},
            "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey",
            "Required value: can not be empty",
        ),
        (
            {"topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]},
            "spec.topologySpreadConstraints[0].maxSkew",
            "Invalid value: 0: must be greater than zero",
        ),
        ({"securityContext": {"fsGroup": -1}}, "spec.securityContext.fsGroup", "Invalid value: -1: must be between 0"),
        (
            {"readinessGates": [{"conditionType": "a b"}]},
            "spec.readinessGates[0].conditionType",
            'Invalid value: "a b"',
        ),
        ({"ephemeralContainers": [CONTAINER]}, "spec.ephemeralContainers", "Forbidden: cannot be set on create"),
        (
            {"schedulingGates": [{"name": "a/b"}], "nodeName": "n"},
            "spec.nodeName",
            "Forbidden: cannot be set until all schedulingGates have been cleared",
        ),
        (
            {"overhead": {"cpu": "-1"}},
            "spec.overhead.limits[cpu]",
            'Invalid value: "-1": must be greater than or equal',
        ),
        ({"overhead": {"x": "1"}}, "spec.overhead.limits[x]", 'Invalid value: "x": must be a standard resource type'),
        (
            {"restartPolicy": "Never", "containers": [merged(CONTAINER, {"resizePolicy": [RESTARTED]})]},
            "spec.containers[0].resizePolicy",
            "Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'",
        ),
    ],
)
def test_refuses_spec(change: Tree, path: str, message: str) -> None:
    errors = create_errors(Pod, of_spec(change))
    assert found(errors, path, message), errors

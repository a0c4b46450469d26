"""The Docker Engine API's JSON: specs into requests, answers into values. Pure, and the same for Podman and Docker.

Where the two engines differ, the request says what both understand: `UTSMode: container:...` shares the host name
(Docker would by itself, Podman does not), the log driver is named (Podman's own choice may be the journal), and no
ulimit is named (naming one brings Podman's failing default of the other).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from petset.node.runtimes.interface import (
    Container,
    ContainerSpec,
    ContainerState,
    Image,
    LogSource,
    Mount,
    Sandbox,
    SandboxSpec,
)

Json = dict[str, Any]

INSTANCE = "io.petset.instance"
KIND = "io.petset.kind"
SANDBOX = "io.petset.sandbox"
ATTEMPT = "io.petset.attempt"
POD_NAME = "io.petset.pod.name"
POD_NAMESPACE = "io.petset.pod.namespace"
POD_UID = "io.petset.pod.uid"
CONTAINER_NAME = "io.petset.container.name"
CGROUP_PARENT = "io.petset.cgroup-parent"

_CLEANUP = timedelta(seconds=5)
_NOT_KNOWN = 137
"""The exit code of a container of which nobody knows how it ended, as the kubelet has it."""
_PROPAGATION = {"None": "rprivate", "HostToContainer": "rslave", "Bidirectional": "rshared"}
_SIGNALS = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}
_POD_LABELS = (POD_NAME, POD_NAMESPACE, POD_UID, CGROUP_PARENT)


def sandbox_name(instance: str, spec: SandboxSpec) -> str:
    """The engine's name for a sandbox; that names are unique is what forbids a second one for the same attempt."""
    return f"petset-{instance}_POD_{spec.pod_name}_{spec.pod_namespace}_{spec.pod_uid}_{spec.attempt}"


def container_name(instance: str, sandbox: Mapping[str, str], spec: ContainerSpec) -> str:
    """The engine's name for a container of the sandbox with these labels."""
    pod = "_".join(sandbox.get(label, "") for label in (POD_NAME, POD_NAMESPACE, POD_UID))
    return f"petset-{instance}_{spec.name}_{pod}_{spec.attempt}"


def sandbox_request(instance: str, image: str, spec: SandboxSpec, log_driver: str) -> Json:
    """The body that creates a pause container."""
    labels = {
        **spec.labels,
        INSTANCE: instance,
        KIND: "sandbox",
        ATTEMPT: str(spec.attempt),
        POD_NAME: spec.pod_name,
        POD_NAMESPACE: spec.pod_namespace,
        POD_UID: spec.pod_uid,
        CGROUP_PARENT: spec.cgroup_parent,
    }
    host: Json = {
        "NetworkMode": "host" if spec.host_network else "none",
        "IpcMode": "host" if spec.host_ipc else "shareable",
        "ReadonlyRootfs": True,
        "LogConfig": {"Type": log_driver},
        "RestartPolicy": {"Name": "no"},
    }
    if spec.host_pid:
        host["PidMode"] = "host"
    if spec.host_network:
        host["UTSMode"] = "host"
    if spec.cgroup_parent:
        host["CgroupParent"] = spec.cgroup_parent
    if spec.sysctls:
        host["Sysctls"] = dict(spec.sysctls)
    body: Json = {"Image": image, "Labels": labels, "HostConfig": host}
    if not spec.host_network:
        body["Hostname"] = spec.hostname
    return body


def container_request(
    instance: str, sandbox_id: str, sandbox: Mapping[str, str], spec: ContainerSpec, log_driver: str
) -> Json:
    """The body that creates a container in a sandbox whose labels are `sandbox`."""
    labels = {
        **spec.labels,
        **{label: sandbox[label] for label in _POD_LABELS if label in sandbox},
        INSTANCE: instance,
        KIND: "container",
        SANDBOX: sandbox_id,
        ATTEMPT: str(spec.attempt),
        CONTAINER_NAME: spec.name,
    }
    body: Json = {
        "Image": spec.image,
        "Labels": labels,
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        "Tty": spec.tty,
        "OpenStdin": spec.stdin,
        "StdinOnce": spec.stdin_once,
        "HostConfig": _host_config(sandbox_id, sandbox, spec, log_driver),
    }
    optional = {
        "Entrypoint": list(spec.command),
        "Cmd": list(spec.args),
        "WorkingDir": spec.working_dir,
        "User": spec.security.user,
        "StopSignal": spec.stop_signal,
    }
    return body | {key: value for key, value in optional.items() if value}


def _host_config(sandbox_id: str, sandbox: Mapping[str, str], spec: ContainerSpec, log_driver: str) -> Json:
    joined = f"container:{sandbox_id}"
    resources, security = spec.resources, spec.security
    options = ["no-new-privileges"] if security.no_new_privileges else []
    if security.seccomp_unconfined:
        options.append("seccomp=unconfined")
    host: Json = {
        "NetworkMode": joined,
        "IpcMode": joined,
        "UTSMode": joined,
        "LogConfig": {"Type": log_driver},
        "RestartPolicy": {"Name": "no"},
    }
    optional: Json = {
        "PidMode": joined if spec.share_process_namespace else "",
        "CgroupParent": sandbox.get(CGROUP_PARENT, ""),
        "Mounts": [_mount(mount) for mount in spec.mounts],
        "Tmpfs": dict(spec.tmpfs),
        "Privileged": security.privileged,
        "ReadonlyRootfs": security.read_only_rootfs,
        "CapAdd": list(security.add_capabilities),
        "CapDrop": list(security.drop_capabilities),
        "GroupAdd": [str(group) for group in security.supplemental_groups],
        "SecurityOpt": options,
        "Memory": resources.memory_limit_bytes,
        "CpuShares": resources.cpu_shares,
        "CpuQuota": resources.cpu_quota,
        "CpuPeriod": resources.cpu_period,
        "PidsLimit": resources.pids_limit,
        "OomScoreAdj": resources.oom_score_adj,
    }
    return host | {key: value for key, value in optional.items() if value}


def _mount(mount: Mount) -> Json:
    return {
        "Type": "bind",
        "Source": str(mount.host_path),
        "Target": mount.container_path,
        "ReadOnly": mount.read_only,
        "BindOptions": {"Propagation": _PROPAGATION[mount.propagation]},
    }


def image_value(reference: str, answer: Json) -> Image:
    """An inspected image."""
    config = answer.get("Config") or {}
    digests: Sequence[str] = answer.get("RepoDigests") or ()
    return Image(
        id=answer["Id"] if ":" in answer["Id"] else f"sha256:{answer['Id']}",
        reference=full_reference(next(iter(answer.get("RepoTags") or ()), reference)),
        digest=digests[0] if digests else "",
        size=answer.get("Size", 0),
        user=config.get("User", ""),
        labels=config.get("Labels") or {},
    )


def sandbox_value(answer: Json) -> Sandbox:
    """An inspected pause container."""
    labels = labels_of(answer)
    return Sandbox(
        id=answer["Id"],
        pod_name=labels.get(POD_NAME, ""),
        pod_namespace=labels.get(POD_NAMESPACE, ""),
        pod_uid=labels.get(POD_UID, ""),
        attempt=int(labels.get(ATTEMPT, "0")),
        ready=is_running(answer),
        pid=answer["State"].get("Pid", 0),
        labels=labels,
        created_at=_moment(answer.get("Created", "")) or datetime.min.replace(tzinfo=UTC),
    )


def container_value(answer: Json, *, oom_killed: bool = False, failure: str = "") -> Container:
    """An inspected container. `failure` is why its start failed, which Podman does not remember."""
    labels, state = labels_of(answer), answer["State"]
    exited = state_of(answer) == "exited"
    failure = failure or (state.get("Error", "") if exited else "")
    return Container(
        id=answer["Id"],
        sandbox_id=labels.get(SANDBOX, ""),
        name=labels.get(CONTAINER_NAME, ""),
        attempt=int(labels.get(ATTEMPT, "0")),
        state="exited" if failure else state_of(answer),
        image=answer["Config"].get("Image", ""),
        image_id=answer["Image"] if ":" in answer["Image"] else f"sha256:{answer['Image']}",
        labels=labels,
        created_at=_moment(answer.get("Created", "")) or datetime.min.replace(tzinfo=UTC),
        started_at=_moment(state.get("StartedAt", "")),
        finished_at=_moment(state.get("FinishedAt", "")) if exited else None,
        pid=state.get("Pid", 0),
        exit_code=128 if failure else state.get("ExitCode", 0),
        oom_killed=exited and (oom_killed or bool(state.get("OOMKilled"))),
        reason="StartError" if failure else "",
        message=failure,
        log=_log_source(answer),
    )


def labels_of(answer: Json) -> dict[str, str]:
    """The labels of an inspected container."""
    return answer["Config"].get("Labels") or {}


def is_running(answer: Json) -> bool:
    """Whether an inspected container's process exists."""
    return state_of(answer) == "running"


def state_of(answer: Json) -> ContainerState:
    """The state in the port's three words. Podman's `stopped` and `stopping` are still on their way to `exited`."""
    state = answer["State"]
    if state.get("Running") or state.get("Status") in {"running", "paused", "stopping", "stopped", "restarting"}:
        return "running"
    return "created" if state.get("Status") in {"created", "configured", "initialized"} else "exited"


def settled(answer: Json, now: datetime) -> Json:
    """An inspected container, `exited` when Podman should long have made it so after its process ended.

    Podman cleans up in a process of its own. Where that was killed too, the container stays `stopped` for good. And who
    attaches when the process has just ended has it made `created` again, and its exit code forgotten.
    """
    state = answer["State"]
    if state_of(answer) == "created" and _moment(state.get("FinishedAt", "")) is not None:
        return {**answer, "State": {**state, "Status": "exited", "ExitCode": _NOT_KNOWN}}
    if state.get("Status") != "stopped" or state.get("Running"):
        return answer
    finished = _moment(state.get("FinishedAt", ""))
    if finished is not None and now - finished < _CLEANUP:
        return answer
    return {**answer, "State": {**state, "Status": "exited"}}


def stop_signal(answer: Json) -> str:
    """The signal that asks an inspected container to end: a name without SIG, TERM when it has none of its own."""
    signal = str(answer["Config"].get("StopSignal") or "TERM").removeprefix("SIG")
    return _SIGNALS.get(signal, signal)


def _log_source(answer: Json) -> LogSource | None:
    path: str = answer.get("LogPath") or ""
    if not path:
        return None
    return LogSource(Path(path), "json-file" if path.endswith("-json.log") else "cri")


def _moment(text: str) -> datetime | None:
    if not text or text.startswith("0001-01-01"):
        return None
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)


def full_reference(reference: str) -> str:
    """An image reference with its registry and tag: `nginx` is `docker.io/library/nginx:latest`."""
    if reference.startswith("sha256:") or re.fullmatch(r"[0-9a-f]{64}", reference):
        return reference
    first, slash, rest = reference.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    if not has_host:
        reference = f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"
    elif first == "docker.io" and "/" not in rest:
        reference = f"docker.io/library/{rest}"
    last = reference.rpartition("/")[2]
    return reference if ":" in last or "@" in last else f"{reference}:latest"

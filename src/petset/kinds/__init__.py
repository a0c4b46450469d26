"""What each kind means: defaults, create and update rules, status reset, printer columns; one file a kind, pure.

No I/O, no clock, nothing random, and nothing about how objects are stored or served.
"""

from petset.api.resources import Catalogue
from petset.kinds import (
    configmap,
    controllerrevision,
    endpoints,
    endpointslice,
    event,
    events_v1,
    lease,
    namespace,
    node,
    persistentvolume,
    persistentvolumeclaim,
    pod,
    secret,
    service,
    serviceaccount,
    statefulset,
    storageclass,
)

CATALOGUE = Catalogue(
    (
        configmap.RESOURCE,
        endpoints.RESOURCE,
        event.RESOURCE,
        namespace.RESOURCE,
        node.RESOURCE,
        persistentvolumeclaim.RESOURCE,
        persistentvolume.RESOURCE,
        pod.RESOURCE,
        secret.RESOURCE,
        serviceaccount.RESOURCE,
        service.RESOURCE,
        controllerrevision.RESOURCE,
        statefulset.RESOURCE,
        lease.RESOURCE,
        endpointslice.RESOURCE,
        events_v1.RESOURCE,
        storageclass.RESOURCE,
    )
)

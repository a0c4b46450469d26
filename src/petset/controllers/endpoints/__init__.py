"""Where the pods of a Service are: Endpoints and EndpointSlices, from one decision.

    model       what a decision looks at, and what it says
    selection   which pods a Service selects, and the other way round; pure
    plan        which pods a Service stands for, on which ports, under which host names; pure
    mirroring   which slices say what somebody wrote into the Endpoints of a Service without selector; pure
    controller  events to services, services to writes
    mirror      the same for Endpoints that are mirrored
    act         how plans are written

A headless Service's slices carry the host name of each pod of a StatefulSet: that is what gives `web-0.nginx` its
record.
"""

"""Claims get volumes: binding, provisioning of directories, reclaiming, growth, and protection of what is in use.

    model        the words of the protocol (annotations, finalizers), what a decision looks at, and what it says
    matching     which volume suits a claim; pure
    plan         binding and phases of claims and volumes; pure
    binder       the persistentvolume-controller: events to claims and volumes, plans to writes
    provisioning what the provisioner `petset.io/directory` does for a claim or with a volume; pure
    provisioner  makes, grows and removes directories; needs no other part of this package to run on a real cluster
    directories  the file system, behind a port
    protection   lets go of deleted claims and volumes once nothing uses them
    classes      the StorageClass every cluster has from the start

Every controller here takes one step at a time and looks again at what the server then shows. What a crash interrupts is
therefore just a state like any other. Two invariants hold after every single write: a volume is claimed before a claim
names it, and both carry the other's identity, so that no claim has two volumes and no volume two claims.
"""

"""Container runtimes behind one port (`interface`): the Docker Engine API (`engine`) and a simulation (`simulated`).

What lives here: images, sandboxes (one pause container per pod), containers, exec, attach, log files and exit events.
What must not: anything about pods' lifecycles, probes, networks or Kubernetes objects. A runtime knows names, labels
and paths; the agent gives them their meaning. Every runtime keeps what the agent needs to recover in labels, so that an
agent killed at any moment finds its containers again.
"""

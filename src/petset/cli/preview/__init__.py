"""What the StatefulSet controller would do with a manifest, told before anything is done.

    world      a set, its pods and claims in memory, where what is obeyed happens and what is under way succeeds
    steps      one thing that is done or waited for, in words and as data
    forecast   calls the controller's own planner in that world until nothing is left to do
    situation  everything a preview looks at: the set as it is and as it would be, and what is around it
    traps      what surprises people about such a change, a function each
    proposal   the set as a manifest would make it: by a dry run of the server, or merged here
    reading    fetches a situation through the client port
    previews   finds the sets that are asked for and brings all of this together
    rendering  lines for people, data for programs

The rules are nowhere here: they are those of `petset.controllers.statefulset.plan`. `proposal`, `reading`
and `previews` ask the server and only read; the others are pure.
"""

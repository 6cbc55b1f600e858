"""Plays a workflow file as it is written: jobs in their order, shell lines, and the few actions that it needs.

Small on purpose: it is for workflows that call this tool. What a runner has besides is refused by name and line.
Nothing here knows the loopback; what stands behind a job's steps is a :class:`~tagseal.workflow.play.action.Host`.
"""

"""Who may do what in AWS: one table of roles, and what is written from it.

``table`` is the data: every role with its grants, each with the reason why it is there. ``lake``, ``catalog`` and
``warehouse`` are the words that it is written in. ``documents`` makes policies, trust policies, the CloudFormation
template and the table of the docs out of it. All of it is pure.
"""

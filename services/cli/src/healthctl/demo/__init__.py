"""``healthctl demo``: a bounded run of a pipeline on the embedded runtime, checked to the last record, and its summary.

``accounts`` asks the lake what happened (SQL only), ``verdict`` says what is wrong with it (pure), ``summary`` is the
file that others read, ``report`` what a person reads, ``run`` the order of events.
"""

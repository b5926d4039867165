"""From findings to verdicts, points and levels: pure functions of the model, no I/O, no clock, no network.

``supersede`` says which observation counts, ``interval`` is the algebra, ``population`` and ``rules`` apply it to cells
and to a profile's rules, ``verdicts`` and ``points`` give the results, ``consistency`` finds what is wrong in a profile.
"""

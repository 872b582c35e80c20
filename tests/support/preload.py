"""Imported by the server that children are forked from: compiled kernels and templates are then there in every child.

Arrays only: frames would start threads, and a child of a process with threads hangs.
"""

from typing import Any

import numpy as np

from mlm_audit.checks.trees import closure, forest, seats
from mlm_audit.reporting.core.html import environment

up = np.array([-1, 0, 0, 0], np.int32)
ids = np.arange(4)
nobody: Any = None
forest._counts_up(ids)
forest._look_up(up, 0, 4, ids, np.zeros(0, np.bool_))
small = forest.walk(nobody, up)
forest._add_up(small.order, up, small.state, ids.copy())
forest._hand_down(small.order, up, small.state, np.zeros(4, np.uint8))
forest._children(up)
forest._earlier(up, ids)
closure._rows_pass(up, up, up, np.array([1, 1, 1, 1], np.int32))
seats.replay(small, seats.seat(up, np.array([0, 1, 2, 3], np.int32), ids), 0, ids)
for template in environment().list_templates(filter_func=lambda name: name.endswith(".j2") and "/" not in name):
    environment().get_template(template)

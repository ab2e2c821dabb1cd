"""A plain bound for EASY on shallow queues: the same schedule by the shortest compiled loop, every pass a full scan.

Whole seconds, no log, no statistics, no limits but those of the synthetic logs. Not a part of the product.
"""

import heapq

import numba
import numpy as np


@numba.njit(nogil=True)
def easy_bound(submit_s, hold_s, est_s, nodes, n_nodes):
    """Return start times under EASY, first come first served."""
    n = len(submit_s)
    start_s = np.full(n, np.nan)
    ends = [(np.inf, -1)]
    run_s, run_job, n_run = np.empty(n_nodes), np.empty(n_nodes, np.int64), 0
    queue, n_queue = np.empty(n, np.int64), 0
    free, arrived = n_nodes, 0
    while arrived < n or len(ends) > 1:
        now_s = ends[0][0]
        if arrived < n:
            now_s = min(now_s, submit_s[arrived])
        while ends[0][0] == now_s:
            _, job = heapq.heappop(ends)
            free += nodes[job]
            at = np.searchsorted(run_s[:n_run], start_s[job] + est_s[job])
            while run_job[at] != job:
                at += 1
            n_run -= 1
            for k in range(at, n_run):
                run_s[k], run_job[k] = run_s[k + 1], run_job[k + 1]
        while arrived < n and submit_s[arrived] == now_s:
            queue[n_queue] = arrived
            n_queue += 1
            arrived += 1
        shadow_s, spare, blocked, left = np.inf, 0, False, 0
        for place in range(n_queue):
            job = queue[place]
            need = nodes[job]
            if need > free or (blocked and need > spare and now_s + est_s[job] > shadow_s):
                if not blocked:
                    blocked, spare = True, free - need
                    for k in range(n_run):
                        if spare >= 0 and run_s[k] != shadow_s:
                            break
                        shadow_s = run_s[k]
                        spare += nodes[run_job[k]]
                queue[left] = job
                left += 1
                continue
            if blocked and now_s + est_s[job] > shadow_s:
                spare -= need
            free -= need
            start_s[job] = now_s
            heapq.heappush(ends, (now_s + hold_s[job], job))
            expected_s = now_s + est_s[job]
            at = n_run
            while at > 0 and run_s[at - 1] > expected_s:
                run_s[at], run_job[at] = run_s[at - 1], run_job[at - 1]
                at -= 1
            run_s[at], run_job[at] = expected_s, job
            n_run += 1
        n_queue = left
    return start_s

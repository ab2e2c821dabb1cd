"""Brute-force schedulers: the simplest possible code, written from the definitions and shared with nobody.

Every function takes ``(submit_s, hold_s, est_s, nodes, n_nodes)`` lists and returns ``(start_s, log)``; ``key`` maps a
job to its place in the queue. Semantics ``batch``: ends, then submissions, then one pass, repeated.
"""

from __future__ import annotations

import math


def fcfs(*jobs, key=None):
    return _replay(jobs, key, lambda now, queue, running: _heads(jobs, queue, running)[0])


def easy(*jobs, key=None, sjf=False, depth=0):
    _, _, est, nodes, _ = jobs

    def pick(now, queue, running):
        picked, free = _heads(jobs, queue, running)
        rest = [j for j in queue if j not in picked]
        if not rest:
            return picked
        ends = {j: running[j] + est[j] for j in running} | {j: now + est[j] for j in picked}
        need = nodes[rest[0]]
        shadow = min(t for t in ends.values() if free + sum(nodes[j] for j in ends if ends[j] <= t) >= need)
        spare = free + sum(nodes[j] for j in ends if ends[j] <= shadow) - need
        shadow = max(shadow, now)
        others = rest[1 : 1 + depth] if depth else rest[1:]
        for j in sorted(others, key=lambda j: est[j]) if sjf else others:
            if nodes[j] <= free and (now + est[j] <= shadow or nodes[j] <= spare):
                spare -= nodes[j] if now + est[j] > shadow else 0
                free -= nodes[j]
                picked.append(j)
        return picked

    return _replay(jobs, key, pick)


def conservative(*jobs, key=None, depth=0, reservations="replanned"):
    _, _, est, nodes, n_nodes = jobs
    key = key or (lambda j: j)
    booked: dict[int, float] = {}

    def earliest(job, now, busy):
        """``busy``: (start, end, nodes) of everybody else."""
        for start in sorted({now, *(end for _, end, _ in busy if end > now)}):
            points = {start, *(s for s, _, _ in busy if start <= s < start + est[job])}
            if all(sum(n for s, e, n in busy if s <= t < e) + nodes[job] <= n_nodes for t in points):
                return start
        return math.inf

    def on_nodes(running):
        return [(running[j], running[j] + est[j], nodes[j]) for j in running]

    def replanned(now, queue, running):
        picked, busy, blocked = [], on_nodes(running), 0
        free = n_nodes - sum(nodes[j] for j in running)
        for j in queue:
            start = earliest(j, now, busy)
            busy.append((start, start + est[j], nodes[j]))
            # A job of no expected length holds nothing in the plan, yet it needs its nodes now.
            if start == now and nodes[j] <= free:
                picked.append(j)
                free -= nodes[j]
            else:
                blocked += 1
            if depth and blocked > depth:
                break
        return picked

    def others(now, running, job):
        return on_nodes(running) + [(booked[j], booked[j] + est[j], nodes[j]) for j in booked if j != job]

    before: dict[int, float] = {}

    def kept(now, queue, running):
        if any(now < before[j] + est[j] for j in before if j not in running):
            for j in sorted(booked, key=lambda j: (booked[j], key(j))):
                booked[j] = earliest(j, now, others(now, running, j))
        for j in sorted(set(queue) - set(booked)):
            booked[j] = earliest(j, now, others(now, running, j))
        picked = [j for j in queue if booked[j] == now]
        for j in picked:
            del booked[j]
        before.clear()
        before.update(running | dict.fromkeys(picked, now))
        return picked

    wake = (lambda: min(booked.values(), default=math.inf)) if reservations == "kept" else None
    return _replay(jobs, key, kept if reservations == "kept" else replanned, wake)


def _heads(jobs, queue, running):
    nodes, n_nodes = jobs[3], jobs[4]
    free, picked = n_nodes - sum(nodes[j] for j in running), []
    for j in queue:
        if nodes[j] > free:
            break
        picked.append(j)
        free -= nodes[j]
    return picked, free


def _replay(jobs, key, pick, wake=None):
    submit, hold, _, _, _ = jobs
    start, log, queue, running = [math.nan] * len(submit), [], [], {}
    todo = list(range(len(submit)))
    while todo or running or queue:
        times = [submit[j] for j in todo] + [running[j] + hold[j] for j in running]
        now = min(times + ([wake()] if wake else []))
        for end, j in sorted((running[j] + hold[j], j) for j in running):
            if end <= now:
                log.append(~j)
                del running[j]
        queue += [j for j in todo if submit[j] <= now]
        todo = [j for j in todo if submit[j] > now]
        queue.sort(key=key)
        for j in pick(now, queue, running):
            queue.remove(j)
            start[j] = now
            running[j] = now
            log.append(j)
    return start, log

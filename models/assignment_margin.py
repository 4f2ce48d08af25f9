"""Customers at the margin: who leaves one channel for another with the least loss, by whole chains of channels.

Nodes are the channels and "nobody"; moving along shortest chains keeps the plan the best of all with its contacts per
channel (successive shortest paths: Ahuja, Magnanti and Orlin 1993, 9.7). Equal customers move together.
"""

from __future__ import annotations

from itertools import product

import numpy as np

ZERO = 1e-10  # currency


class Margin:
    """Customers at the margin by node (c channels, then nobody), and the least loss of moving one from node to node.

    worth: (c + 1, g) of g kinds of customers; held: g rows of counts by node; loss: (c + 1, c + 1) of the next to move.
    """

    def __init__(self, worth: np.ndarray, cost: np.ndarray, held: np.ndarray) -> None:
        nodes = len(worth)
        self.worth, self.held = worth, held.tolist()
        self.order: dict[tuple[int, int], list[int]] = {}
        self.place: dict[tuple[int, int], list[int]] = {}
        self.next: dict[tuple[int, int], int] = {}
        self.loss = np.full((nodes, nodes), np.inf)
        price = [*cost.tolist(), 0]
        for a, b in product(range(nodes), repeat=2):
            if a == b:
                continue
            with np.errstate(invalid="ignore"):
                loss = worth[a] - worth[b]
            both = np.flatnonzero(np.isfinite(loss))
            if price[b] < price[a]:  # of equals, the last give up the dearer contact
                both = both[::-1]
            ranked = both[np.argsort(loss[both], kind="stable")]
            place = np.full(len(loss), len(ranked), np.int64)
            place[ranked] = np.arange(len(ranked))
            self.order[a, b], self.place[a, b] = ranked.tolist(), place.tolist()
            there = held[ranked, a] > 0
            self.next[a, b] = int(there.argmax()) if there.any() else len(ranked)
            self.seek(a, b)

    def seek(self, a: int, b: int) -> None:
        """Find who leaves a for b with the least loss."""
        order, held, at = self.order[a, b], self.held, self.next[a, b]
        while at < len(order) and not held[order[at]][a]:
            at += 1
        self.next[a, b] = at
        if at < len(order):
            self.loss[a, b] = self.worth[a, order[at]] - self.worth[b, order[at]]
        else:
            self.loss[a, b] = np.inf

    def paths(self) -> tuple[np.ndarray, np.ndarray]:
        """Least losses from node to node by any chain, and the first step of each chain (Floyd and Warshall)."""
        nodes = len(self.loss)
        far, step = self.loss.copy(), np.tile(np.arange(nodes), (nodes, 1))
        np.fill_diagonal(far, 0.0)
        for middle in range(nodes):
            through = far[:, middle, None] + far[middle]
            shorter = through < far - ZERO
            far = np.where(shorter, through, far)
            step = np.where(shorter, step[:, middle, None], step)
        return far, step

    def move(self, a: int, b: int, step: np.ndarray, most: int) -> int:
        """Move at most so many customers along the chain from a to b; returns how many."""
        chain: list[tuple[int, int, int]] = []
        while a != b and len(chain) < len(step):
            to = int(step[a, b])
            chain.append((a, to, self.order[a, to][self.next[a, to]]))
            a = to
        count = min([most, *[self.held[kind][here] for here, _, kind in chain]])
        for here, to, kind in chain:
            self.held[kind][here] -= count
            self.held[kind][to] += count
        nodes = range(len(step))
        for _, to, kind in chain:
            for other in nodes:
                if other != to and self.place[to, other][kind] < self.next[to, other]:
                    self.next[to, other] = self.place[to, other][kind]
                    self.seek(to, other)
        for here, _, _ in chain:
            for other in nodes:
                if other != here:
                    self.seek(here, other)
        return count

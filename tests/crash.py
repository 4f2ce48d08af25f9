"""Kill builds at random moments and see what serves afterwards: `python -m tests.crash ROUNDS OLD NEW WAREHOUSE`.

Each round starts from a warehouse that serves OLD, starts a build of NEW in a process of its own, and kills it. The
processes are forked from one that has imported everything, so that the moments fall into the build and not into imports.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pandas as pd  # noqa: F401  (imported here once, so that the forked builds do not spend their time on it)

from data.build import Options, build
from data.question import EVERYTHING, Listing, Question, View
from data.warehouse import Warehouse
from models import roi  # noqa: F401

SMALL = Options(threads=1, memory="1GiB", keep=3)


def in_child(work) -> int:
    """Run a function in a forked process; its process id."""
    if child := os.fork():
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        os._exit(1)


def publish(folder: Path, warehouse: Path) -> None:
    build(folder, warehouse, lambda _: None, SMALL)


def state(warehouse: Path) -> dict:
    """What a reader gets: the company of the manifest, and figures of the file, each from another place."""
    served = Warehouse(warehouse).current()
    view = View(EVERYTHING)
    return {
        "company": served.manifest["company"],
        "warning": served.warning,
        "revenue": float(served.answer(Question(("revenue",), view=view))["revenue"].iloc[0]),
        "by_partner": float(served.answer(Question(("revenue",), ("partner_id",), view))["revenue"].sum()),
        "ties_out": bool(served.answer(Listing("tie_out", view))["holds"].all()),
        "customers": int(served.count(Question(("revenue",), ("customer_id",), view))),
    }


def read_in_child(warehouse: Path, answer: Path) -> dict:
    child = in_child(lambda: answer.write_text(json.dumps(state(warehouse))))
    _, status = os.waitpid(child, 0)
    return json.loads(answer.read_text()) if status == 0 else {"unreadable": status}


def main() -> None:
    rounds, old, new, warehouse = int(sys.argv[1]), *(Path(argument) for argument in sys.argv[2:5])
    seed = random.Random(11)
    origin = warehouse.with_name("origin")
    os.waitpid(in_child(lambda: publish(old, origin)), 0)
    shutil.copytree(origin, warehouse)
    began = time.monotonic()
    os.waitpid(in_child(lambda: publish(new, warehouse)), 0)
    whole = time.monotonic() - began
    answer = warehouse.with_name("answer.json")
    expected = [read_in_child(origin, answer), read_in_child(warehouse, answer)]
    results = []
    for _ in range(rounds):
        shutil.rmtree(warehouse)
        shutil.copytree(origin, warehouse)
        child = in_child(lambda: publish(new, warehouse))
        time.sleep(seed.uniform(0.02, whole * 1.05))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        results.append({"killed": os.WIFSIGNALED(status), "serves": read_in_child(warehouse, answer)})
    os.waitpid(in_child(lambda: publish(new, warehouse)), 0)  # after the last kill, a build works and cleans up
    left = [path.name for path in warehouse.iterdir() if path.name.startswith(".draft")]
    print(
        json.dumps(
            {
                "expected": expected,
                "results": results,
                "after": read_in_child(warehouse, answer),
                "left": left,
                "whole": whole,
            }
        )
    )


if __name__ == "__main__":
    main()

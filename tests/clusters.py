"""Small clusters on this machine, of several processes."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

TESTS = str(Path(__file__).parent)


@contextmanager
def dask_cluster(processes=True):
    """Start workers: two processes, or two threads of one worker in this one."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            processes=processes,
            n_workers=1 + processes,
            threads_per_worker=2 - processes,
            dashboard_address=":0",  # any port: two may run at a time
            silence_logs="CRITICAL",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(sys.path.append, TESTS)
        client.wait_for_workers(1 + processes)
        yield "dask"


@contextmanager
def ray_cluster():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    register_ray()
    path = os.pathsep.join([TESTS, *sys.path])
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="critical",
        runtime_env={"env_vars": {"PYTHONPATH": path}},
    )
    try:
        yield "ray"
    finally:
        ray.shutdown()

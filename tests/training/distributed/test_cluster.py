from __future__ import annotations

import json

import pytest

from lmbook.errors import LmbookError
from lmbook.training.distributed.cluster import Cluster, is_chief, read_cluster

TWO = {"worker": ["a:1", "b:2"]}


def environ(cluster, task):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def worker(index):
    return {"type": "worker", "index": index}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"TF_CONFIG": " "},
        environ({"worker": ["a:1"]}, worker(0)),
        environ({"chief": ["a:1"]}, {"type": "chief", "index": 0}),
    ],
)
def test_one_task_is_no_cluster(values):
    assert read_cluster(values) is None


def test_workers_in_order_and_this_one():
    cluster = read_cluster(environ({"worker": ["a:1", "10.0.0.2:2", "[::1]:3"]}, worker(1)))
    assert cluster == Cluster(("a:1", "10.0.0.2:2", "[::1]:3"), 1)
    assert (cluster.size, cluster.is_chief) == (3, False)
    assert read_cluster(environ(TWO, worker(0))).is_chief
    assert read_cluster(environ(TWO, worker("1"))).index == 1  # templates write numbers as text; TensorFlow takes both


def test_a_chief_is_task_0_and_workers_follow():
    jobs = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    assert read_cluster(environ(jobs, {"type": "chief", "index": 0})) == Cluster(("a:1", "b:2", "c:3"), 0)
    assert read_cluster(environ(jobs, worker(0))) == Cluster(("a:1", "b:2", "c:3"), 1)
    assert read_cluster(environ(jobs, worker(1))) == Cluster(("a:1", "b:2", "c:3"), 2)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_what_is_written_is_read_again(index):
    cluster = Cluster(("a:1", "b:2", "c:3"), 0)
    assert read_cluster({"TF_CONFIG": cluster.tf_config(index)}) == Cluster(cluster.workers, index)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"TF_CONFIG": "{'cluster': {}}"}, "not JSON"),
        ({"TF_CONFIG": "{}"}, '"cluster"'),
        ({"TF_CONFIG": "[1]"}, '"cluster"'),
        ({"TF_CONFIG": '{"cluster": ["a:1"]}'}, '"cluster"'),
        ({"TF_CONFIG": json.dumps({"cluster": TWO})}, '"task"'),
        (environ({}, worker(0)), "no worker"),
        (environ({"worker": []}, worker(0)), "no worker"),
        (environ({"worker": "a:1"}, worker(0)), "list of addresses"),
        (environ({"worker": [1]}, worker(0)), "list of addresses"),
        (environ(TWO | {"ps": ["c:3"]}, worker(0)), "'ps'"),
        (environ(TWO, {"type": "ps", "index": 0}), "'ps'"),
        (environ(TWO, {"type": "evaluator", "index": 0}), "'evaluator'"),
        (environ(TWO, {"type": "master", "index": 0}), "'master'"),
        (environ(TWO, {"index": 0}), "None"),
        (environ(TWO, {"type": "worker"}), "None"),
        (environ(TWO, worker(-1)), "-1"),
        (environ(TWO, worker(True)), "True"),
        (environ(TWO, worker(0.5)), "0.5"),
        (environ(TWO, worker(2)), "worker 2"),
        (environ(TWO, {"type": "chief", "index": 0}), "chief 0"),
        (environ({"chief": ["a:1", "b:2"]}, worker(0)), "2 chiefs"),
        (environ({"worker": ["a:1", "b"]}, worker(0)), "'b'"),
        (environ({"worker": ["a:1", ""]}, worker(0)), "''"),
        (environ({"worker": ["a:1", "[::1]"]}, worker(0)), "'[::1]'"),
        (environ({"worker": ["a:1", "::1:2"]}, worker(0)), "'::1:2'"),
        (environ({"worker": ["a:1", "http://b:2"]}, worker(0)), "'http://b:2'"),
        (environ({"worker": ["a:1", " b:2"]}, worker(0)), "' b:2'"),
        (environ({"worker": ["a:1", "b:x"]}, worker(0)), "'x'"),
        (environ({"worker": ["a:1", "b:-2"]}, worker(0)), "'-2'"),
        (environ({"worker": ["a:1", "b:0"]}, worker(0)), "'b:0'"),
        (environ({"worker": ["a:1", "b:70000"]}, worker(0)), "'b:70000'"),
        (environ({"worker": ["a:1", "b:2", "A:1"]}, worker(0)), "A:1 is there twice"),
        (environ({"chief": ["a:1"], "worker": ["a:1"]}, worker(0)), "a:1 is there twice"),
        (environ({"worker": ["nonsense"]}, worker(0)), "'nonsense'"),  # a mistake even where one task is no cluster
    ],
)
def test_a_mistake_is_named_with_the_way_out(values, named):
    with pytest.raises(LmbookError) as caught:
        read_cluster(values)
    assert named in caught.value.message and caught.value.message.startswith("TF_CONFIG ")
    assert caught.value.fix


def test_only_task_0_is_the_chief(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert is_chief()
    for index, expected in ((0, True), (1, False)):
        monkeypatch.setenv("TF_CONFIG", Cluster(("a:1", "b:2"), 0).tf_config(index))
        assert is_chief() is expected


def test_tensorflow_reads_the_same(monkeypatch):
    import tensorflow as tf

    monkeypatch.setenv("TF_CONFIG", Cluster(("a:1", "b:2"), 0).tf_config(1))
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    assert resolver.cluster_spec().as_dict() == {"worker": ["a:1", "b:2"]}
    assert (resolver.task_type, resolver.task_id) == ("worker", 1)

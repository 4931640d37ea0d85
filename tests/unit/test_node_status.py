"""The free storage of a system: disks are counted, not nodes."""

from __future__ import annotations

from webviewer.usecases.node_status import free_bytes_of


def test_two_nodes_on_one_disk_count_once_and_the_less_hopeful_is_believed() -> None:
    assert free_bytes_of([{"disk_id": "a", "free_bytes": 700}, {"disk_id": "a", "free_bytes": 690}]) == 690


def test_nodes_on_disks_of_their_own_add_up() -> None:
    assert free_bytes_of([{"disk_id": "a", "free_bytes": 700}, {"disk_id": "b", "free_bytes": 700}]) == 1400


def test_nodes_that_do_not_name_their_disk_are_not_taken_for_one() -> None:
    assert free_bytes_of([{"free_bytes": 3}, {"free_bytes": 3}, {"free_bytes": 3, "disk_id": ""}]) == 9
    assert free_bytes_of([{"free_bytes": 3, "disk_id": ["a"]}, {"free_bytes": 3, "disk_id": None}]) == 6


def test_a_node_that_says_nothing_or_nonsense_counts_nothing() -> None:
    assert free_bytes_of([]) is None
    assert free_bytes_of([{}, {"free_bytes": "many"}, {"free_bytes": True}, {"free_bytes": -1}]) is None
    assert free_bytes_of([{"disk_id": "a"}, {"disk_id": "a", "free_bytes": 0}]) == 0

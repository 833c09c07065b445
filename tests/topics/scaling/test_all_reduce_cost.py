"""The cost model against cases computed by hand."""

from __future__ import annotations

import pytest

from lmbook.errors import LmbookError
from lmbook.topics.scaling.all_reduce_cost import Link, all_reduce_seconds, fit_link, ring_seconds


def test_a_ring_of_four():
    # 400 bytes: pieces of 100, three messages to add and three to hand round, 1 s and 0.5 s each
    assert ring_seconds(400, 4, Link(100, 0.5)) == pytest.approx(6 * 1.5)


def test_one_device_sends_nothing():
    assert ring_seconds(400, 1, Link(100, 0.5)) == 0


def test_two_devices_send_the_whole_gradient_once():
    assert ring_seconds(400, 2, Link(100)) == pytest.approx(4)


def test_two_machines_of_two():
    inside, between = Link(100), Link(10)
    # inside a ring of two with 400 bytes: 4 s; then each device its 200 bytes between two machines: 20 s
    assert all_reduce_seconds(400, 4, 2, inside, between) == pytest.approx(24)
    assert all_reduce_seconds(400, 2, 2, inside, between) == pytest.approx(4)
    with pytest.raises(LmbookError, match="5 devices"):
        all_reduce_seconds(400, 5, 2, inside, between)


@pytest.mark.parametrize("devices", [2, 5])
def test_fit_finds_the_link_that_made_the_times(devices):
    link = Link(2e8, 1e-3)
    sizes = [1e6, 4e6, 3e7]
    found = fit_link(sizes, [ring_seconds(size, devices, link) for size in sizes], devices)
    assert found.bandwidth == pytest.approx(2e8) and found.latency == pytest.approx(1e-3)


def test_fit_has_no_negative_latency():
    found = fit_link([1e6, 2e6], [0.009, 0.02], 2)
    assert found.latency == 0
    assert 1e6 / found.bandwidth == pytest.approx((0.009 + 2 * 0.02) / 5)  # least squares through zero


def test_fit_says_what_it_cannot_do():
    with pytest.raises(LmbookError, match="two different"):
        fit_link([1e6, 1e6], [0.1, 0.2], 2)
    with pytest.raises(LmbookError, match="did not take longer"):
        fit_link([1e6, 2e6], [0.2, 0.1], 2)


@pytest.mark.parametrize("bandwidth, latency", [(0, 0), (1, -1), (float("nan"), 0)])
def test_impossible_links_are_refused(bandwidth, latency):
    with pytest.raises(LmbookError, match="does not exist"):
        Link(bandwidth, latency)

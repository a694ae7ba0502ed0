"""The picture of flows: both sides of one height, small counterparties as one band."""

from itertools import pairwise

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.patches import PathPatch

import mmresearch as mm


def table(received, delivered, **more):
    count = len(received)
    known = {"account": "M", "symbol": "A", "kind": "fill"} | more
    names = [f"c{i}" for i in range(count)]
    return pd.DataFrame(
        known | {"counterparty": names, "received": received, "delivered": delivered}
    )


def bands(ax):
    """(from the left?, height, x of the outer edge) of each band."""
    found = []
    for patch in ax.patches:
        if isinstance(patch, PathPatch):
            points = patch.get_path().vertices
            found.append((points[0, 0] < 0.5, points[0, 1] - points[7, 1]))
    return pd.DataFrame(found, columns=["left", "height"])


def labels(ax):
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(
    ("net", "name"), [(30.0, "to its position  30"), (-30.0, "from its position  30")]
)
def test_both_sides_are_of_one_height(net, name):
    ax = mm.plot_flows(table([50.0 + max(net, 0), 20], [60.0 - min(net, 0), 10]))
    found = bands(ax)
    left, right = (found.loc[found["left"] == side, "height"] for side in (True, False))
    assert left.sum() == pytest.approx(right.sum())
    assert left.iloc[0] / left.sum() == pytest.approx((50 + max(net, 0)) / 100)
    assert name in labels(ax)
    plt.close(ax.figure)


def test_the_rest_is_one_band_and_nothing_is_lost():
    ax = mm.plot_flows(table(list(range(1, 31)), [1] * 30), most=15)
    found = bands(ax)
    assert found["left"].sum() == 15
    assert "16 others  136" in labels(ax)  # 1 + ... + 16
    assert found.loc[found["left"], "height"].sum() == pytest.approx(
        found.loc[~found["left"], "height"].sum()
    )
    plt.close(ax.figure)


def test_labels_do_not_overlap():
    ax = mm.plot_flows(table([1e6, 1, 1, 1], [1e6, 5, 1, 1]))
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts if t.get_position()[0] < 0.25]
    boxes.sort(key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 1 for low, high in pairwise(boxes))
    plt.close(ax.figure)


def test_transfers_are_marked_and_units_are_not_mixed():
    ax = mm.plot_flows(table([5.0, 2.0], [7.0, 0.0], kind=["fill", "transfer"]))
    assert "c1 *  2" in labels(ax)
    assert "* transfer" in labels(ax)
    plt.close(ax.figure)
    mixed = pd.concat([table([1.0], [1.0]), table([1.0], [1.0], symbol="B")])
    with pytest.raises(ValueError, match="do not add up"):
        mm.plot_flows(mixed)
    plt.close(mm.plot_flows(mixed, symbol="B").figure)
    with pytest.raises(ValueError, match="nothing was received"):
        mm.plot_flows(table([0.0], [0.0]))
    with pytest.raises(ValueError, match="by counterparty"):
        mm.plot_flows(table([1.0], [0.0]).drop(columns="counterparty"))

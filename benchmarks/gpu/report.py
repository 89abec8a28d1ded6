"""The figures as a Markdown page."""

from __future__ import annotations

import datetime

import jax

from benchmarks.gpu.measure import Ceilings, Row

__all__ = ["page", "table"]


def table(title: str, rows: list[Row], *, n: int, d: int, ceilings: Ceilings) -> str:
    """One data set: queries a second by batch, and for the largest batch what part of the ceilings that is.

    Parameters
    ----------
    title
        The heading.
    rows
        A line each.
    n, d
        Candidates and their dimensions.
    ceilings
        Of the card.
    """
    batches = sorted(rows[0].seconds)
    head = [
        "",
        "recall@10",
        "1 query",
        "of it kernels",
        *(f"{batch:,} queries" for batch in batches if batch > 1),
        "TFLOP/s",
        "of the matmul",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        largest = batches[-1]
        rate = 2 * n * d * largest / row.seconds[largest] / 1e12
        cells = [
            row.peer,
            f"{row.recall:.4f}",
            f"{row.seconds[1] * 1e6:,.0f} us",
            "" if row.device is None else f"{row.device * 1e6:,.0f} us",
            *(f"{batch / row.seconds[batch]:,.0f} QPS" for batch in batches if batch > 1),
            f"{rate:,.0f}",
            f"{rate / ceilings.matmul:.0%}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    single = []
    for row in rows:
        if row.device is not None and row.peer.startswith("leafscan") and "exact" in row.peer:
            size = n * d * (1 if "int8" in row.peer else 2)
            share = size / row.device / 1e12 / ceilings.copy
            single.append(
                f"{row.peer}: {size / row.device / 1e12:.2f} TB/s of codes, {share:.0%} of a copy's"
            )
    return (
        f"## {title}\n\n" + "\n".join(lines) + "\n\nOne query, by its kernels: " + "; ".join(single) + ".\n"
    )


def page(tables: list[str], ceilings: Ceilings) -> str:
    """Write the whole page.

    Parameters
    ----------
    tables
        As `table` makes them.
    ceilings
        Of the card.
    """
    device = jax.devices()[0]
    return "\n".join(
        [
            "# Exact retrieval on one GPU",
            "",
            f"{device.device_kind}, JAX {jax.__version__}, {datetime.date.today().isoformat()}; k = 10,",
            "candidates on the card in float32, codes made beforehand. Each peer is checked against float64",
            "first. A batch is timed as a stream of calls sees it, the median of five rounds; one query so",
            "and by the sum of its kernels. A batch whose scores would not fit is given at the rate of the",
            "largest that do. This card multiplies bfloat16 matrices of 8192 at",
            f"{ceilings.matmul:.0f} TFLOP/s and copies at {ceilings.copy:.2f} TB/s, read and written.",
            "Written by `python -m benchmarks.gpu`.",
            "",
            *tables,
        ]
    )

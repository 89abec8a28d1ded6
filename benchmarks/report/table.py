"""A table that goes to a terminal and to Markdown alike."""

from dataclasses import dataclass, field

from rich.table import Table as RichTable


@dataclass
class Table:
    """A title, headings, and rows of text; the first column is a name, the others figures.

    Examples
    --------
    >>> print(Table("Speed", ["peer", "QPS"], [["a", "1,000"]]).markdown())
    **Speed**
    <BLANKLINE>
    | peer | QPS |
    | :--- | ---: |
    | a | 1,000 |
    """

    title: str
    headings: list[str]
    rows: list[list[str]] = field(default_factory=list)
    names: int = 1

    def rich(self) -> RichTable:
        """Return it for a Rich console."""
        table = RichTable(title=self.title, title_justify="left")
        for i, heading in enumerate(self.headings):
            table.add_column(heading, justify="left" if i < self.names else "right")
        for row in self.rows:
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        """Return it as a Markdown table under its title in bold."""
        aligned = [":---" if i < self.names else "---:" for i in range(len(self.headings))]
        lines = [self.headings, aligned, *self.rows]
        return "\n".join([f"**{self.title}**", "", *(f"| {' | '.join(line)} |" for line in lines)])


def figure(value: float | None, digits: int = 0) -> str:
    """Write a number with thousands separated, or a dash where there is none.

    Examples
    --------
    >>> figure(12345.6), figure(2.346, 2), figure(None)
    ('12,346', '2.35', '-')
    """
    return "-" if value is None else f"{value:,.{digits}f}"

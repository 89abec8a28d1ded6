"""The page of an evaluation: sound HTML that needs nothing besides itself, and says what was found."""

import dataclasses
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import leafscan
from leafscan import AsymmetricHash, Config, Reorder, SearchParams, Tree
from leafscan.index.evaluation import Evaluation
from leafscan.index.tuning.points import OperatingPoint, RecallCurve
from leafscan.index.tuning.record import Trial, Tuning

html5lib = pytest.importorskip("html5lib")
pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
from leafscan.cli.report import Subject, render  # noqa: E402

VECTORS = np.random.default_rng(0).standard_normal((3_000, 16)).astype(np.float32)
PLAN = Config(
    tree=Tree(num_leaves=60),
    score=AsymmetricHash(),
    reorder=Reorder(),
    search=SearchParams(leaves=4, candidates=30),
)
WHEN = "1 December 2026"
HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


def _subject(index: leafscan.Index, name: str = "some.leafscan") -> Subject:
    return Subject(name=name, index=index, queries=None, nbytes=index.nbytes + 2_000)


def _point(leaves: int, recall: float, latency: float) -> OperatingPoint:
    return OperatingPoint(
        params=SearchParams(leaves=leaves, candidates=30),
        recall=recall,
        low=recall - 0.01,
        high=min(1.0, recall + 0.01),
        latency_us=latency,
    )


@pytest.fixture(scope="module")
def index() -> leafscan.Index:
    return leafscan.build(VECTORS, metric="cosine", config=PLAN)


@pytest.fixture(scope="module")
def found(index: leafscan.Index) -> Evaluation:
    return leafscan.evaluate(index, count=300, progress=False)


@pytest.fixture(scope="module")
def tuning() -> Tuning:
    points = (_point(2, 0.7, 9.0), _point(8, 0.93, 20.0), _point(20, 0.985, 45.0))
    exact = _point(1, 1.0, 400.0)
    other = dataclasses.replace(PLAN, tree=Tree(num_leaves=120), search=SearchParams())
    trials = [
        Trial(
            config=PLAN,
            nbytes=400_000,
            build_seconds=0.4,
            points=points,
            chosen=True,
            verdict="The quickest.",
        ),
        Trial(
            config=Config(),
            nbytes=300_000,
            build_seconds=0.1,
            points=(exact,),
            chosen=False,
            verdict="Slower.",
        ),
        Trial(config=other, nbytes=500_000, build_seconds=0.6, points=(), chosen=False, verdict="Too large."),
    ]
    return Tuning(
        recall=0.9,
        point=points[1],
        curve=RecallCurve(k=10, queries=500, given=False, confidence=0.95, points=points),
        trials=tuple(trials),
        seconds=2.0,
        notes=("Queries unlike rows <may> find less.",),
    )


@pytest.fixture(scope="module")
def page(index: leafscan.Index, found: Evaluation, tuning: Tuning) -> str:
    return render(_subject(index), found, index.health(), tuning, when=WHEN)


def _parsed(page: str) -> ET.Element:
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), strict=True)
    root: ET.Element = parser.parse(page)
    return root


def _text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def test_it_is_sound_html(page: str) -> None:
    root = _parsed(page)
    assert root.get("lang") == "en"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in root.iter():
        for name in ("aria-labelledby", "aria-describedby"):
            for target in (element.get(name) or "").split():
                assert target in ids
    for target in re.findall(r"url\(#([^)]+)\)", page) + re.findall(r'href="#([^"]+)"', page):
        assert target in ids


def test_it_needs_nothing_besides_itself(page: str) -> None:
    assert "<script" not in page
    assert "@import" not in page
    root = _parsed(page)
    for element in root.iter():
        assert element.tag not in (f"{HTML}link", f"{HTML}img", f"{HTML}iframe", f"{HTML}script")
        for name, value in element.items():
            assert "://" not in value, (element.tag, name)
            if name in ("src", "href") or name.endswith("}href"):
                assert value.startswith("#")


def test_headings_and_tables_can_be_followed_by_ear(page: str) -> None:
    root = _parsed(page)
    levels = [
        int(element.tag[-1]) for element in root.iter() if re.fullmatch(f"{HTML}h[1-6]", str(element.tag))
    ]
    assert levels == [1] + [2] * (len(levels) - 1)
    for table in root.iter(f"{HTML}table"):
        assert all(header.get("scope") in ("row", "col") for header in table.iter(f"{HTML}th"))
        assert list(table.iter(f"{HTML}th"))
    for region in root.iter(f"{HTML}div"):
        if "scroll" in (region.get("class") or ""):
            assert region.get("tabindex") == "0"
            assert region.get("aria-label")
    pictures = list(root.iter(f"{SVG}svg"))
    assert len(pictures) == 10
    for picture in pictures:
        assert picture.get("role") == "img"
        title, description = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
        assert title is not None
        assert description is not None
        assert picture.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert len(_text(description)) > 40


def test_it_says_what_was_found(page: str, found: Evaluation) -> None:
    said = _text(_parsed(page))
    default = found.default
    for words in (
        "How well some.leafscan answers",
        f"recall@10, {default.low:.4f} to {default.high:.4f}",
        "each never an answer to itself",
        f"{found.unvisited:,} lie in leaves that were not visited",
        f"{found.outscored:,} in leaves that were",
        "60 leaves hold",
        "3 plans were measured over 500 vectors of the index as queries",
        "The quickest.",
        "Queries unlike rows <may> find less.",
        "60 leaves, 4-bit codes of 2 dimensions, float32 reordering",
        "not measured",
        f"on {WHEN}",
    ):
        assert words in said, words
    for worst in found.worst:
        assert str(worst.query) in said


def test_given_queries_are_named(index: leafscan.Index, tuning: Tuning) -> None:
    found = leafscan.evaluate(index, VECTORS[:50] + 0.1, k=5, progress=False)
    subject = dataclasses.replace(_subject(index), queries="asked.npy")
    said = _text(_parsed(render(subject, found, index.health(), None, when=WHEN)))
    assert "The queries come from asked.npy." in said
    assert "each never an answer to itself" not in said
    assert "Plans that were tried" not in said


def test_names_are_text(index: leafscan.Index, found: Evaluation) -> None:
    subject = _subject(index, name="<script>alert(1)</script>.leafscan")
    page = render(subject, found, index.health(), None, when=WHEN)
    assert "<script" not in page
    assert "<script>alert(1)</script>.leafscan" in _text(_parsed(page))


@pytest.mark.parametrize("metric", ["dot_product", "squared_l2"])
def test_exact_search_has_a_page_too(metric: str) -> None:
    index = leafscan.build(VECTORS[:300], metric=metric, ids=[f"<b>{i}</b>" for i in range(300)])
    found = leafscan.evaluate(index, k=3, progress=False)
    said = _text(_parsed(render(_subject(index), found, index.health(), None, when=WHEN)))
    assert "Every query found all of its exact best 3." in said
    assert "There is no tree" in said
    assert "There are no codes" in said


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_is_enough_in_light_and_dark(page: str) -> None:
    themes = re.findall(r":root \{([^}]*)\}", page)
    assert len(themes) == 2
    for theme in themes:
        colours = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", theme))
        for name in ("ink", "muted", *(name for name in colours if name.startswith("series"))):
            for ground in ("paper", "panel"):
                bright, dim = sorted((_luminance(colours[name]), _luminance(colours[ground])), reverse=True)
                assert (bright + 0.05) / (dim + 0.05) >= 4.5, (name, ground)


def test_no_colour_is_left_that_a_theme_does_not_know(page: str) -> None:
    body = page[page.index("<body>") :]
    assert set(re.findall(r"#[0-9a-fA-F]{6}\b", body)) == set()
    themes = re.findall(r":root \{([^}]*)\}", page)
    known = set(re.findall(r"--([a-z0-9-]+):", themes[0]))
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", page)) <= known


def test_the_same_evaluation_gives_the_same_page(
    index: leafscan.Index, found: Evaluation, tuning: Tuning, page: str
) -> None:
    assert render(_subject(index), found, index.health(), tuning, when=WHEN) == page


@pytest.fixture(scope="module")
def browser() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip("no Chromium is installed here")


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "profile"
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)


_PROBE = """<script>
addEventListener("load", () => {
  const shown = (name) => [...document.querySelectorAll("figure ." + name)].filter((e) => e.offsetWidth);
  const svgs = [...shown("wide"), ...shown("narrow")].map((e) => e.firstElementChild);
  const boxes = svgs.map((svg) => svg.getBoundingClientRect());
  const least = Math.min(...boxes.flatMap((box) => [box.width, box.height]));
  document.documentElement.dataset.found = [
    shown("wide").length, shown("narrow").length, document.documentElement.scrollWidth > innerWidth,
    getComputedStyle(document.body).backgroundColor, least > 200,
    performance.getEntriesByType("resource").length,
  ].join("|");
});
</script>"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 500])
def test_a_browser_lays_it_out(
    browser: str, page: str, tmp_path: Path, profile: Path, dark: bool, width: int
) -> None:
    (tmp_path / "page.html").write_text(page.replace("</body>", f"{_PROBE}</body>"), encoding="utf-8")
    flags = ["--force-dark-mode"] if dark else []
    done = subprocess.run(
        [
            *(browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *(f"--user-data-dir={profile}", f"--window-size={width},900", *flags),
            *("--virtual-time-budget=2000", "--dump-dom", (tmp_path / "page.html").as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    match = re.search(r'data-found="([^"]*)"', done.stdout)
    assert match is not None, done.stderr
    wide, narrow, spills, ground, large, fetched = match[1].split("|")
    assert (int(wide), int(narrow)) == ((5, 0) if width > 640 else (0, 5))
    assert spills == "false"
    assert ground == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")
    assert large == "true"
    assert fetched == "0"

"""A report in a real browser: no request, no complaint, maps for mouse and keys, dark and printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import axe_core_python
import pytest

from distributed_fiji.commands.report import Request, page_of
from distributed_fiji.commands.reportfacts import enter_unfinished
from distributed_fiji.report.page import render
from distributed_fiji.report.wells import Wells
from distributed_fiji.review.facts import FailedJob
from distributed_fiji.review.wells import WellStatus
from tests.browser.devtools import Browser, browser
from tests.serving import serve
from tests.unit.test_report import HOSTILE, a_run, filled, made, some_facts
from tests.unit.test_thumbnails import colored, write
from tests.unit.test_thumbnails import screen as screen_with_thumbnails
from worker.contract.jobs import thumbnails_key
from worker.contract.thumbnails import as_document

#: Deque's engine for accessibility, in one file.
AXE = Path(axe_core_python.__file__).with_name("axe.min.js")

#: Things a page could do that leak data or run foreign code: each yields its result.
WAYS_OUT = """(async () => {
  const url = 'http://127.0.0.1:%(port)d/', got = {};
  const made = (name, set) => new Promise(done => {
    const one = document.createElement(name);
    one.onload = () => done('answered'); one.onerror = () => done('refused');
    set(one); document.body.append(one);
    setTimeout(() => done('silent'), 2000);
  });
  got.fetch = await fetch(url, {mode: 'no-cors'}).then(() => 'answered', () => 'refused');
  got.image = await made('img', one => { one.src = url + 'a.svg'; });
  got.script = await made('script', one => { one.src = url + 'a.js'; });
  got.style = await made('link', one => { one.rel = 'stylesheet'; one.href = url + 'a.css'; });
  got.beacon = navigator.sendBeacon(url, 'x') ? 'answered' : 'refused';
  const inline = document.createElement('script');
  inline.textContent = 'window.ran = true'; document.body.append(inline);
  got.inline = window.ran ? 'answered' : 'refused';
  const handler = document.createElement('p');
  handler.setAttribute('onclick', 'window.clicked = true'); document.body.append(handler); handler.click();
  got.handler = window.clicked ? 'answered' : 'refused';
  return got;
})()"""

FILES = {
    "/a.svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'),
    "/a.css": ("text/css", b""),
}


class Listener(ThreadingHTTPServer):
    """Listens on this machine and counts requests."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                listener.asked.append(self.path)
                kind, body = FILES.get(self.path, ("text/javascript", b""))
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        serve(self)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """An open report of thirty plates in three kinds, with a cause."""
    folder = tmp_path_factory.mktemp("browser")
    facts = some_facts()
    facts.wells = screen()
    page = folder / "report.html"
    request = Request(Path("report"), "*.csv", program="python run.py")
    page.write_text(render(page_of(a_run(), facts, request, 2000)), encoding="utf-8")
    with browser(folder / "profile", "--window-size=1200,1000") as started:
        started.open(page)
        yield started


def screen() -> Wells:
    """Thirty plates of 96 wells; on P7, A01 failed, A02 has no objects, B01 was not submitted."""
    wells = filled(30, 96)
    plate = wells.plates["P7"]
    wells.statuses[plate[1, 1]], wells.causes[plate[1, 1]] = 0, 0
    wells.statuses[plate[1, 2]] = list(WellStatus).index(WellStatus.NO_OBJECTS)
    del plate[2, 1]
    return wells


def details(page: Browser) -> list[str]:
    return str(page.value("document.getElementById('details').textContent")).splitlines()


def figures(page: Browser) -> list[str]:
    """Return the captions of the plates that are shown."""
    names = "[...document.querySelectorAll('#plates figcaption')].map(one => one.textContent)"
    found: list[str] = page.value(names)
    return found


def choose(page: Browser, control: str, value: Any) -> None:
    """Set one of the controls as a user does."""
    name = "checked" if isinstance(value, bool) else "value"
    event = "input" if control == "filter" else "change"
    page.value(
        f"(() => {{ const one = document.getElementById('{control}'); one.{name} = {json.dumps(value)};"
        f" one.dispatchEvent(new Event('{event}')); }})()"
    )


def test_a_page_asks_for_nothing_but_itself_and_nothing_is_said_of_it(opened: Browser) -> None:
    assert [url.rpartition("/")[2] for url in opened.requested()] == ["report.html"]
    assert opened.complaints() == []


def test_the_plate_with_trouble_is_first_and_a_click_tells_of_its_well(opened: Browser) -> None:
    assert figures(opened)[0] == "P7: 1 not done"
    assert len(figures(opened)) == 24
    opened.value("window.scrollTo(0, document.querySelector('#plates canvas').getBoundingClientRect().top)")
    box = json.loads(
        opened.value("JSON.stringify(document.querySelector('#plates canvas').getBoundingClientRect())")
    )
    opened.click(box["left"] + 22 + 10, box["top"] + 14 + 10)

    well, cause, numbers, command = details(opened)
    assert well == "P7 A01: given up"
    assert cause.startswith("macro error, line 3: ")
    assert numbers == "Area, mean 11"
    assert command == "python run.py logs --run Test --well 'P7 A01'"


def test_arrow_keys_walk_from_well_to_well_and_tab_leaves(opened: Browser) -> None:
    opened.value("document.querySelector('#plates canvas').focus()")
    opened.value("document.querySelector('#plates canvas').at = 0")
    for key, said in (
        ("ArrowRight", "P7 A02: done without objects"),
        ("ArrowDown", "P7 B02: done"),
        ("ArrowLeft", "P7 B01: not submitted"),
        ("ArrowLeft", "P7 B01: not submitted"),
        ("ArrowUp", "P7 A01: given up"),
        ("ArrowUp", "P7 A01: given up"),
    ):
        opened.press(key)
        assert details(opened)[0] == said
    opened.press("Tab")
    assert (
        opened.value("[...document.querySelectorAll('#plates canvas')].indexOf(document.activeElement)") == 1
    )


def test_plates_are_filtered_sorted_and_turned_over(opened: Browser) -> None:
    choose(opened, "filter", "p2")
    assert [name.partition(":")[0] for name in figures(opened)] == [
        "P2",
        *(f"P{number}" for number in range(20, 30)),
    ]
    choose(opened, "filter", "no such plate")
    assert opened.value("document.getElementById('which').textContent") == "no plate has this name"
    choose(opened, "filter", "")
    choose(opened, "sort", "name")
    assert figures(opened)[0].startswith("P0:")
    opened.value("document.getElementById('next').click()")
    assert opened.value("document.getElementById('which').textContent") == "25 to 30 of 30"
    opened.value("document.getElementById('before').click()")
    choose(opened, "together", True)
    assert opened.value("document.querySelectorAll('#plates .row').length") == 24
    choose(opened, "together", False)


#: How many pixels of a well have each color, the most frequent one first.
COLORS = """(() => {
  const canvas = [...document.querySelectorAll('#plates canvas')].find(one => one.plate.name === 'P7');
  const box = canvas.getContext('2d').getImageData(22 + %(column)d * 20 + 2, 14 + %(row)d * 20 + 2, 16, 16).data;
  const found = {};
  for (let at = 0; at < box.length; at += 4) { const key = box.slice(at, at + 4).join(); found[key] = (found[key] || 0) + 1; }
  return Object.entries(found).sort((a, b) => b[1] - a[1]).map(([key]) => key);
})()"""  # noqa: E501


def colors(page: Browser, row: int, column: int) -> list[str]:
    found: list[str] = page.value(COLORS % {"row": row, "column": column})
    return found


def test_a_well_without_a_number_has_lines_and_no_color_of_the_scale(opened: Browser) -> None:
    choose(opened, "sort", "bad")
    for scale in ("linear", "log", "z"):
        choose(opened, "measure", "Area, mean")
        choose(opened, "scale", scale)
        lowest, highest = colors(opened, 0, 2), colors(opened, 7, 11)
        assert len(lowest) == len(highest) == 1 and lowest != highest
        assert colors(opened, 1, 0)[0] == "0,0,0,0" and len(colors(opened, 1, 0)) > 1
    choose(opened, "measure", "what became of it")
    kinds = [set(colors(opened, *place)) for place in ((0, 0), (0, 1), (1, 0))]
    assert all("0,0,0,0" in kind for kind in kinds)
    done = colors(opened, 4, 4)
    assert len(done) == 1 and not any(done[0] in kind for kind in kinds)


@pytest.mark.parametrize("is_guarded", [True, False], ids=["with its policy", "without"])
def test_the_policy_refuses_what_gets_in_without_it(tmp_path: Path, is_guarded: bool) -> None:
    text = made(some_facts())
    (tmp_path / "report.html").write_text(
        text if is_guarded else re.sub(r"<meta http-equiv.*>", "", text), encoding="utf-8"
    )
    listener = Listener()
    with browser(tmp_path / "profile") as started:
        started.open(tmp_path / "report.html")
        got = started.value(WAYS_OUT % {"port": listener.server_address[1]})
    listener.shutdown()
    listener.server_close()

    assert len(got) == 7
    if is_guarded:
        del got["beacon"]  # a browser says that it has taken one, and does not send it
        assert set(got.values()) == {"refused"} and listener.asked == []
    else:
        assert set(got.values()) == {"answered"} and len(listener.asked) >= 4


@pytest.fixture
def pictured(tmp_path: Path) -> Iterator[Browser]:
    """An open report of twelve wells with a thumbnail each, and of one that failed."""
    facts, bucket = screen_with_thumbnails(12)
    bucket[thumbnails_key("Test", f"{0:016x}")]["thumbnails"] += as_document([colored("A01_<b>.png")])
    job, console = "f" * 16, ("opened", "no <img src=x> in https://me:secret@host/x?sig=secret", "ended")
    facts.states = replace(facts.states, submitted=facts.states.submitted | {job}, failures={job: "key"})
    metadata = {"Plate": "P", "Well": "B01"}
    enter_unfinished(
        facts, {job: FailedJob(job, 1, 1030, "macro error", "no image", 3, console, "", metadata)}
    )
    write(tmp_path, facts, bucket)
    with browser(tmp_path / "profile", "--window-size=1200,1000") as started:
        started.open(tmp_path / "report.html")
        yield started


#: The thumbnails that are shown: what they are, how wide they came, and what stands below them.
VIEWS = """Promise.all([...document.images].map(async one => {
  await one.decode().catch(() => new Promise(done => setTimeout(done, 200)));
  return [one.alt, one.naturalWidth, one.nextSibling.textContent];
}))"""


def test_keys_walk_to_a_well_s_thumbnails_and_log(pictured: Browser) -> None:
    pictured.value("document.querySelector('#plates canvas').focus()")
    (color, raw) = pictured.value(VIEWS)
    assert raw[:2] == ["Thumbnail of A01_raw.tif", 8]
    assert re.fullmatch(r"A01_raw\.tif, channel 1, [\d.]+ to 11\d\d", raw[2])
    assert color == ["Thumbnail of A01_<b>.png", 4, "A01_<b>.png"]
    assert "Thumbnails: 2" in details(pictured)
    assert pictured.value("document.querySelectorAll('#views b').length") == 0

    pictured.press("ArrowRight")
    assert [alt for alt, _, _ in pictured.value(VIEWS)] == ["Thumbnail of A02_raw.tif"]

    pictured.press("ArrowLeft")
    pictured.press("ArrowDown")
    log = pictured.value("document.querySelector('#views pre').textContent")
    assert log == "opened\nno <img src=x> in https://host/x\nended"
    assert pictured.value(VIEWS) == []

    pictured.press("ArrowDown")
    assert pictured.value("document.getElementById('views').textContent") == "No job."
    asked = [url.rpartition("/")[2] for url in pictured.requested()]
    assert list(dict.fromkeys(asked)) == ["report.html", "A01-1.png", "A01-2.png", "A02-1.png"]
    assert all(url.startswith("file:///") for url in pictured.requested())
    assert pictured.complaints() == []
    assert pictured.value("document.documentElement.scrollWidth <= innerWidth")
    assert ("region", "Thumbnails and log of the well") in focusable(pictured)


def test_the_plates_stay_where_they_are_from_well_to_well(pictured: Browser) -> None:
    pictured.value("document.querySelector('#plates canvas').focus()")
    tops = set()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowDown"):
        pictured.press(key)
        tops.add(pictured.value("document.querySelector('#plates canvas').getBoundingClientRect().top"))
    assert len(tops) == 1


def test_a_page_without_its_folder_says_so(pictured: Browser, tmp_path: Path) -> None:
    (tmp_path / "thumbnails").rename(tmp_path / "elsewhere")
    pictured.value("document.querySelector('#plates canvas').focus()")

    ((_, width, said), _) = pictured.value(VIEWS)
    assert width == 0 and said.endswith("not found. Keep the folder thumbnails beside this file.")


def test_a_page_with_thumbnails_may_load_pictures_from_files_alone(pictured: Browser) -> None:
    listener = Listener()
    got = pictured.value(WAYS_OUT % {"port": listener.server_address[1]})
    listener.shutdown()
    listener.server_close()

    del got["beacon"]  # a browser says that it has taken one, and does not send it
    assert set(got.values()) == {"refused"} and listener.asked == []


def test_a_dark_page_is_dark_and_a_printed_one_fits_on_a4(opened: Browser) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    opened.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert opened.value(back) == "rgb(21, 24, 28)"
    opened.call("Emulation.setEmulatedMedia", features=[])
    assert opened.value(back) == "rgb(255, 255, 255)"
    assert len(opened.call("Page.printToPDF", preferCSSPageSize=True)["data"]) > 10_000
    assert opened.value("document.documentElement.scrollWidth <= innerWidth")


def focusable(page: Browser) -> set[tuple[str, str]]:
    """Return role and name of what can have the focus, as a screen reader gets them."""
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    return {
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if any(one["name"] == "focusable" and one["value"].get("value") for one in node.get("properties", ()))
    }


def test_what_can_be_used_has_a_name_for_those_who_do_not_see_it(opened: Browser) -> None:
    named = focusable(opened)

    assert all(name for role, name in named if role != "RootWebArea"), named
    assert {"combobox", "searchbox", "checkbox", "button"} <= {role for role, _ in named}
    assert any(name.startswith("Plate P7, 1 wells not done.") for _, name in named)
    levels = "[...document.querySelectorAll('h1, h2, h3')].map(one => +one.tagName[1])"
    found = opened.value(levels)
    assert found[0] == 1 and all(after - before <= 1 for before, after in pairwise(found))
    assert opened.value("[...document.querySelectorAll('th')].every(one => one.textContent.trim())")
    assert opened.value("document.getElementById('details').getAttribute('aria-live')") == "polite"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", ["opened", "pictured"])
def test_axe_finds_nothing_that_keeps_anybody_out(
    request: pytest.FixtureRequest, page: str, scheme: str
) -> None:
    shown: Browser = request.getfixturevalue(page)
    shown.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    shown.value(AXE.read_text(encoding="utf-8"))

    found = json.loads(shown.value("axe.run(document).then(found => JSON.stringify(found))"))

    broken = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
    assert broken == []
    assert len(found["passes"]) > 15


def test_what_others_wrote_runs_nothing_in_a_browser(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(made(some_facts(HOSTILE), a_run(script=HOSTILE, image=HOSTILE)), encoding="utf-8")
    with browser(tmp_path / "profile") as started:
        started.open(page)

        assert started.value("document.images.length + document.querySelectorAll('[onerror]').length") == 0
        assert [url.rpartition("/")[2] for url in started.requested()] == ["report.html"]
        assert started.complaints() == []
        assert figures(started)[0].startswith("</script><img src=x onerror=alert(1)>")

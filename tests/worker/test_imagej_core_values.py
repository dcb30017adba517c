"""Whatever value a job sends arrives in its script as sent, in each language and of the declared type."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imagej import run_script

HOSTILE = [
    "",
    " ",
    "a b",
    "  both ends  ",
    "it's",
    'say "x"',
    "''",
    '"',
    "\\",
    "C:\\new\\temp\\",
    "/home/ubuntu/bucket/a b.tif",
    "a,b",
    'k="v", other=1',
    "a=b",
    "[well=A1]",
    "{}",
    '{"a": [1, 2]}',
    "-x",
    "--run",
    "--headless",
    "2026-01-02",
    "007",
    "1e3",
    "1.50",
    "true",
    "null",
    "NaN",
    "$(touch gone)",
    "`id`",
    "; ls",
    "%s %d %n",
    "${name}",
    "#@ String x",
    "// none",
    "/* none */",
    "line\nline",
    "\r\n\t",
    "\b\f\x1b",
    "é ü ß µm",
    "日本語",
    "😀 👩‍🔬",
    "x" * 200_000,
]

WRITERS = {
    "ijm": ("", 'File.saveString({name}, folder + "/{name}");\n'),
    "py": (
        "import codecs\n",
        'with codecs.open(folder.getPath() + "/{name}", "w", "utf-8") as out: out.write({name})\n',
    ),
    "groovy": ("", 'new File(folder, "{name}").setText({name}, "UTF-8")\n'),
}


@pytest.mark.parametrize("language", WRITERS)
def test_hostile_text_arrives_as_sent(tmp_path: Path, language: str) -> None:
    names = {f"p{number}": value for number, value in enumerate(HOSTILE)}
    head, line = WRITERS[language]
    declared = "#@ File folder\n" + "".join(f"#@ String {name}\n" for name in names)
    text = declared + head + "".join(line.format(name=name) for name in names)

    ran = run_script(tmp_path, f"a.{language}", text, folder=str(tmp_path), **names)

    assert ran.result["ok"], ran
    arrived = {name: (tmp_path / name).read_bytes().decode("utf-8") for name in names}
    assert arrived == names


#: declared type, value as sent, what the script prints of it in Groovy with its class
TYPED = [
    ("Integer", 7, "7 Integer"),
    ("Integer", "7", "7 Integer"),
    ("Integer", 7.0, "7 Integer"),
    ("int", -2147483648, "-2147483648 Integer"),
    ("Long", 2**53 + 1, "9007199254740993 Long"),
    ("Double", 0.1, "0.1 Double"),
    ("Double", 3, "3.0 Double"),
    ("Float", "2.5", "2.5 Float"),
    ("Boolean", False, "false Boolean"),
    ("Boolean", "True", "true Boolean"),
    ("String", 7, "7 String"),
    ("String", 1.5, "1.5 String"),
    ("String", True, "true String"),
    ("Character", "x", "x Character"),
    ("File", "/a b/c.tif", "/a b/c.tif File"),
    ('String(choices={"Otsu", "Li"})', "Li", "Li String"),
]


def test_values_arrive_in_the_declared_type(tmp_path: Path) -> None:
    declared = "".join(f"#@ {kind} p{number}\n" for number, (kind, _, _) in enumerate(TYPED))
    lines = "".join(
        f'println "${{p{number}}} ${{p{number}.class.simpleName}}"\n' for number in range(len(TYPED))
    )

    ran = run_script(
        tmp_path,
        "a.groovy",
        declared + lines,
        **{f"p{number}": value for number, (_, value, _) in enumerate(TYPED)},
    )

    assert ran.out.splitlines() == [wanted for _, _, wanted in TYPED], ran


SEVERAL = """
#@ File[] listed
#@ File[] text
#@ File[] quoted
#@ File[] one
#@ String joined
#@ Integer[] numbers
def names = [listed, text, quoted, one].collect { it*.name }
new File("out.txt").text = (names + [joined, numbers.sum()]).join("|")
"""


def test_several_values_arrive_as_an_array_or_as_a_text(tmp_path: Path) -> None:
    (tmp_path / "a,b.tif").touch()

    ran = run_script(
        tmp_path,
        "a.groovy",
        SEVERAL.replace("out.txt", str(tmp_path / "out.txt")),
        listed=["/x/a,b.tif", "/x/c.tif"],
        text="/x/a.tif,/x/c.tif",
        quoted='"/x/a,b.tif",/x/c.tif',
        one=str(tmp_path / "a,b.tif"),
        joined=["/x/a,b.tif", "/x/c.tif"],
        numbers=[1, 2],
    )

    assert ran.result["ok"], ran
    assert (tmp_path / "out.txt").read_text().split("|") == [
        "[a,b.tif, c.tif]",
        "[a.tif, c.tif]",
        "[a,b.tif, c.tif]",
        "[a,b.tif]",
        '"/x/a,b.tif",/x/c.tif',
        "3",
    ]


def test_a_list_for_what_takes_one_is_refused_by_name(tmp_path: Path) -> None:
    ran = run_script(tmp_path, "a.groovy", "#@ Integer count\n", count=[1, 2])

    assert not ran.result["ok"] and '"count"' in ran.result["message"]


@pytest.mark.parametrize("name", ["a.ijm", "a.py"])
def test_numbers_and_booleans_are_numbers_in_the_script(tmp_path: Path, name: str) -> None:
    show = "print(whole + 1, real * 2, yes);" if name.endswith("ijm") else "print whole + 1, real * 2, yes"

    ran = run_script(
        tmp_path,
        name,
        f"#@ Integer whole\n#@ Double real\n#@ Boolean yes\n{show}\n",
        whole=41,
        real=1e-7,
        yes=True,
    )

    assert ran.out.split()[0] == "42"
    assert float(ran.out.split()[1]) == pytest.approx(2e-7, abs=1e-7 if name.endswith("ijm") else 1e-12)
    assert ran.out.split()[2] in {"1", "True"}

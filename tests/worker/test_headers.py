"""`#@` lines against SciJava's own parser, in ImageJ core: check reads of a script what SciJava reads."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from distributed_fiji.checks.headers import Parameter, read_headers
from distributed_fiji.checks.parameters import header_findings
from distributed_fiji.local.syntax import find_faults
from tests.imagej import imagej_core

DUMP = Path(__file__).parent / "headers" / "scijava.groovy"
#: Types of values, and some that are none here.
TYPES = (
    *("byte", "short", "int", "long", "float", "double", "boolean", "char", "string", "String", "Object"),
    *("Byte", "Short", "Integer", "Long", "Float", "Double", "Boolean", "Character", "Number", "BigInteger"),
    *("BigDecimal", "File", "Date", "java.io.File", "java.lang.Integer", "java.lang.String"),
)
NUMBERS_OF_JAVA = {
    "byte",
    "short",
    "int",
    "long",
    "float",
    "double",
    "BigInteger",
    "BigDecimal",
    "Number",
    "Object",
}
OTHERS = (
    "LogService",
    "UIService",
    "Context",
    "ColorRGB",
    "ImagePlus",
    "Dataset",
    "integer",
    "Sting",
    "List",
)
TEXTS = ('"a"', "'b'", '"a, (b)"', '"it\'s"', "'say \"x\"'", "bare", '"Größe µ"', '""', '"\\"\\\\"', "' '")
NUMBERS = ("0", "3", "-3", "+7", "1.5", "1e3", "2.50", "0x1F", "010", "7f", "-0.25", '"12"', "123456789")
ODD = ("true", "FALSE", "null", "abc", '"7.9"', "7.9", "300", "70000")
#: Whole lines that somebody may write, with a comment, an old header, a mistake.
LINES = (
    *("#@ String x;", "#@String x", "#@ Integer n // note", "#@ Integer n = 5", "#@ output String out"),
    *("#@output res", "#@ both Integer n", "#@ input n", "#@ INPUT String n", "#@ String (type=OUTPUT) o"),
    *(
        '#@ String (type="BOTH") o',
        "// @String s",
        "# @Integer(value=3) n",
        "// author me@lab.org",
        " #@ String s",
    ),
    *("x = 1\\N// @String late", "#@", "#@ ", "#@ String", "#@ String (", "#@ String s)", "#@\tString\ts"),
    *(
        "#@ Integer(value=5)i",
        '#@script(label="x")',
        "#@ String (value=a b) s",
        "#@ String (value='it''s') s",
    ),
    *('#@ String (value="a" label="b") s', "#@ Double (value=.5) d", "#@ Integer (value=1_000) n"),
    *(
        '#@ String (label="\\u00b5m") s',
        "#@ String a-b",
        '#@ String (choices={"a" "b"}) s',
        "/* @Integer n */",
    ),
    *(
        "#@ String (label='x) s",
        "#@ Integer n\\N#@ Double n",
        "#!shebang\\N#@ File f",
        "#@ Integer (value=) n",
    ),
    *("#@ String (value) s", "#@ String ( ) s", "#@ String (,) s"),
)


def attributes(rnd: random.Random) -> Iterator[str]:
    """Yield the attributes of a parameter as people write them, in any order and case."""
    names = [
        "value",
        "label",
        "min",
        "max",
        "choices",
        "style",
        "required",
        "visibility",
        "persist",
        "stepSize",
    ]
    for name in rnd.sample(names, rnd.randint(0, 5)):
        texts = [rnd.choice((*TEXTS, *NUMBERS)) for _ in range(rnd.randint(0, 4))]
        left, right = rnd.choice(("{}", "[]"))
        value = {
            "choices": f"{left}{rnd.choice((',', ', ', ' ,')).join(texts)}{right}",
            "label": rnd.choice(TEXTS),
            "style": rnd.choice(('"directory"', "save", '"slider"', "'text area'")),
            "required": rnd.choice(("true", "false", "FALSE", '"false"', "no")),
            "visibility": rnd.choice(("MESSAGE", '"MESSAGE"', "NORMAL", "TRANSIENT")),
            "persist": "false",
        }.get(name, rnd.choice((*TEXTS, *NUMBERS, *NUMBERS, *ODD)))
        key = rnd.choice((name, name, name.capitalize(), name.upper()))
        yield f"{key}{rnd.choice(('=', ' = ', '= '))}{value}"


def header(rnd: random.Random) -> str:
    if rnd.random() < 0.25:
        return rnd.choice(LINES)
    kind = rnd.choice((*TYPES, *TYPES, *OTHERS))
    kind += "[]" if kind in TYPES and rnd.random() < 0.2 else ""
    inside = rnd.choice((",", ", ", " , ")).join(attributes(rnd))
    space, gap = rnd.choice(("", " ", "\t")), rnd.choice(("", " "))
    return f"#@{space}{kind}{gap}({inside}) name" if inside else f"#@{space}{kind} name"


def said_by_scijava(headers: list[str], folder: Path) -> list[list[list[str]] | None]:
    """Return each script's inputs as SciJava has them, None for a script that it refuses."""
    (folder / "headers").write_text("\n".join(headers), encoding="utf-8")
    command = [str(imagej_core() / "ImageJ-linux64"), "--headless", "--run", str(DUMP)]
    environment = os.environ | {"HEADERS": str(folder / "headers")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    found: list[list[list[str]] | None] = []
    for line in done.stdout.splitlines():
        word, *facts = line.split("\t")
        if word == "SCRIPT":
            found.append([])
        elif word == "REFUSED":
            found[-1] = None
        elif word == "INPUT":
            inputs = found[-1]
            assert inputs is not None
            inputs.append(facts)
    assert len(found) == len(headers), done.stderr
    return found


def shown(value: object, *, number: bool = True) -> str:
    """Return a value as the dump prints it; numbers to six digits, as many as a float has."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(shown(item, number=number) for item in value)}]"
    text = (
        {None: "null", True: "true", False: "false"}.get(value)
        if not isinstance(value, (int, float))
        else None
    )
    text = text or (str(value).lower() if isinstance(value, bool) else str(value))
    with contextlib.suppress(ValueError):
        return f"{float(text):.6g}" if number else text
    return text


def facts(one: Parameter) -> list[str]:
    """Return what is read of a parameter."""
    number = one.type in NUMBERS_OF_JAVA
    values = (one.default, one.minimum, one.maximum, one.choices)
    said = [shown(value, number=number) for value in values]
    return [one.name, str(one.required).lower(), str(one.is_message).lower(), *said]


def facts_of_scijava(one: list[str], number: bool) -> list[str]:
    """Return the same of one of the dump's lines."""
    listed = [part for part in one[7][1:-1].split(", ") if one[7] != "[]"]
    values = [shown(text, number=number) for text in (*one[4:7], listed)]
    return [one[0], one[2], one[3], *values]


def differences(headers: list[str], folder: Path) -> list[tuple[str, object, object]]:
    """Return headers of which SciJava and check say something else."""
    wrong: list[tuple[str, object, object]] = []
    for text, said in zip(headers, said_by_scijava(headers, folder), strict=True):
        parameters, broken = read_headers(text.replace("\\N", "\n"))
        if any(one.unsure for one in parameters):
            continue
        if (said is None) != bool(broken):
            wrong.append((text, said, broken))
            continue
        # Which services and images there are is FIJI's matter.
        names = {one.name for one in parameters if one.type and not one.type.endswith("]")}
        numbers = {one.name: one.type in NUMBERS_OF_JAVA for one in parameters}
        mine = [facts(one) for one in parameters if one.name in names]
        theirs = [facts_of_scijava(one, numbers[one[0]]) for one in said or [] if one[0] in names]
        others = {one[0] for one in said or []} - {one.name for one in parameters}
        if mine != theirs or others:
            wrong.append((text, said, mine))
    return wrong


def test_what_people_write_is_read_as_scijava_reads_it(tmp_path: Path) -> None:
    rnd = random.Random(1)

    assert differences([*LINES, *(header(rnd) for _ in range(300 - len(LINES)))], tmp_path) == []


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(2, 12))
def test_more_headers_are_read_as_scijava_reads_them(seed: int, tmp_path: Path) -> None:
    rnd = random.Random(seed)

    assert differences([header(rnd) for _ in range(1000)], tmp_path) == []


def test_a_header_that_scijava_cannot_read_is_named_with_its_line() -> None:
    (finding,) = header_findings("#@ String s\n#@ Integer (value=3 min=1) n\n")

    assert finding.severity == "stop"
    assert "line 2: SciJava cannot read the attributes: a comma is missing before 'min=1'" in finding.found


FAULTS = {
    "brace of a macro": (".ijm", "if (true) {\n  print(1);\n", "stop", "1", '"{" is never closed'),
    "bracket of a macro": (".ijm", "x = (1 + 2;\n", "stop", "1", '"(" is never closed'),
    "brace too many": (".ijm", "print(1);\n}\n", "stop", "2", '"}" closes nothing'),
    "unknown function": (".ijm", "print(1);\nprnit(2);\n", "warn", "2", "no function is named prnit()"),
    "Python": (".py", "if x\n  print 1\n", "stop", "1", "expecting COLON"),
    "Groovy": (".groovy", "int x = \n}\n", "stop", "2", ""),
    "BeanShell": (".bsh", "x = ;\n", "stop", "1", 'Encountered ";"'),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_syntax_are_found_without_running_anything(name: str) -> None:
    ending, text, severity, line, what = FAULTS[name]

    faults = find_faults(text, ending, imagej_core())

    assert [("stop" if one.is_sure else "warn", one.line) for one in faults][:1] == [(severity, line)], faults
    assert what in faults[0].what


MACRO = """#@ String s
macro 'x' {
  s = "("; // {
  t = f(s); u = s.contains('a');
  Table.create(t);
}
function f(a) { return a; }
"""
RIGHT = {
    "macro": (".ijm", MACRO),
    "Python": (".py", "#@ String s\nfrom no.such import Thing\nprint s\n"),
    "Groovy": (".groovy", "#@ String s\nimport no.such.Thing\nnew Thing(s).go()\n"),
    "Grab": (".groovy", "@Grab('no.such:thing:1.0')\nimport no.such.Thing\n"),
    "BeanShell": (".bsh", "import no.such.Thing;\nfor (i = 0; i < 3; i++) { print(i); }\n"),
    "JavaScript": (".js", "this is (no JavaScript"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_another_fiji_may_have_is_no_fault(name: str) -> None:
    ending, text = RIGHT[name]

    assert find_faults(text, ending, imagej_core()) == []

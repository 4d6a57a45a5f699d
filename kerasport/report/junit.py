"""A report as JUnit XML, as Surefire writes it and Jenkins reads it: one suite, a test case for each layer and output.

Schemas: https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd and
https://github.com/jenkinsci/xunit-plugin (junit-10.xsd).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from kerasport.report.content import TITLES, explained
from kerasport.report.text import option_text, visible

if TYPE_CHECKING:
    from kerasport.checking import Check
    from kerasport.report.content import Report
    from kerasport.validation.error import LayerError


def render(report: Report) -> str:
    """The text of an XML file."""
    suite = Element("testsuite", name=f"kerasport {report.command}", time=f"{report.seconds:.3f}")
    _properties(suite, report)
    for check in report.checks:
        _checked(suite, check, report)
    if report.validation is not None:
        _compared(suite, report, "layers", report.validation.layers)
        _compared(suite, report, "outputs", report.validation.outputs)
        _compared(suite, report, "expected", report.validation.expected)
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("errors", "error"), ("failures", "failure"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suite, encoding="unicode") + "\n"


def _properties(suite: Element, report: Report) -> None:
    properties = SubElement(suite, "properties")
    known = {
        "outcome": report.outcome,
        "verdict": report.verdict(),
        "created": report.created,
        **report.environment,
        **{f"option.{name}": option_text(value) for name, value in report.options.items()},
        **{f"sha256.{file.role}.{file.path}": file.sha256 for file in report.files},
    }
    for name, value in known.items():
        SubElement(properties, "property", name=visible(name), value=visible(value))


def _checked(suite: Element, check: Check, report: Report) -> None:
    """A case for each reason; one that passes where a file was only checked, or only written."""
    group = _group(check)
    if check.convertible and report.validation is None:
        _case(suite, group, TITLES[report.outcome if len(report.checks) == 1 else check.outcome])
    for problem in check.problems:
        case = _case(suite, group, problem.layer)
        tag = "failure" if check.outcome == "unsupported" else "error"
        found = SubElement(case, tag, type=check.outcome, message=visible(problem.what))
        found.text = "\n".join(filter(None, (visible(problem.what), visible(problem.hint))))


def _compared(suite: Element, report: Report, part: str, entries: Sequence[LayerError]) -> None:
    assert report.validation is not None
    for entry in entries:
        case = _case(suite, f"{_group(*report.checks[:1])}.{part}", entry.name)
        if not entry.passed:
            lines = explained(entry, report.validation)
            failure = SubElement(case, "failure", type="mismatch", message=lines[0])
            failure.text = "\n".join([f"{visible(entry.class_name)} {visible(entry.name)}", *lines])
        if entry.asleep:
            SubElement(case, "system-out").text = f"no input has changed or reached: {visible(entry.asleep)}"


def _case(suite: Element, group: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=group, name=visible(name), time="0")


def _group(*checks: Check) -> str:
    """A class name of a model: dots separate packages, so that there are none within."""
    return "kerasport." + "_".join(visible(check.path.name).replace(".", "_") for check in checks)

"""Reports of a validation, a conversion or a check: JSON, Markdown, HTML and JUnit XML.

    from kerasport import report, validate

    validation = validate("model.h5", "model.onnx")
    report.write(report.Report.of("model.h5", onnx="model.onnx", validation=validation), "report.html", "report.xml")

What a report says comes from strangers' files, layer names above all: every format escapes it.
"""

from __future__ import annotations

from kerasport.report.content import FileFacts, Report
from kerasport.report.writing import FORMATS, check_targets, render, write

__all__ = ["FORMATS", "FileFacts", "Report", "check_targets", "render", "write"]

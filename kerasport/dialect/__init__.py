"""Brings the config of any Keras to one canonical form, behind which no code asks which Keras wrote the file."""

from __future__ import annotations

from kerasport.dialect.canonical import canonical, part, readings
from kerasport.dialect.functions import written
from kerasport.dialect.matching import matched
from kerasport.dialect.model import LayerDef, ModelDef, Node, TensorRef
from kerasport.dialect.policies import with_low_rank
from kerasport.dialect.unshaped import likely_input, with_input_shape
from kerasport.dialect.versions import likely_version
from kerasport.dialect.vocabularies import with_vocabularies
from kerasport.dialect.writer import Writer, writer

__all__ = [
    "LayerDef",
    "ModelDef",
    "Node",
    "TensorRef",
    "Writer",
    "canonical",
    "likely_input",
    "likely_version",
    "matched",
    "part",
    "readings",
    "with_input_shape",
    "with_low_rank",
    "with_vocabularies",
    "writer",
    "written",
]

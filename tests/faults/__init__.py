"""Fault injection: single faults that real converters commit, put into exported goldens, which validation must find.

A *kind* of fault lists the places of a golden where it applies. Faults of meaning (an activation's neighbour, epsilon,
a mask that is ignored) are made in the graph of specs before it is exported, faults of the graph (two gates swapped,
pads on the other side) in the ONNX model. Validation then compares the faulty model with the file that it was made
from.

``python -m tests.faults`` prints, for each kind, how many faults were made, how many of them provably change no
result, how many were detected, and how often the layer that is at fault was named first. ``python -m
tests.faults.alarms`` looks for the opposite: faultless models that do not pass.
"""

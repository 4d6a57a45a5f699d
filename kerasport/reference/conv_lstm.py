"""ConvLSTM in NumPy: a loop over the steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kerasport.layers import conv_lstm
from kerasport.reference.activation import apply
from kerasport.reference.conv import convolution
from kerasport.reference.registry import REFERENCE, Array, Context


@REFERENCE.register(conv_lstm.ConvLSTM)
def conv_lstm_layer(spec: conv_lstm.ConvLSTM, context: Context, x: Array, *initial: Array) -> tuple[Array, ...]:
    """The output, or all outputs in the order in which they were computed; and the states h and c."""
    gates = np.asarray(convolution(spec.inputs, context, x))
    inner = replace(context, weights={"kernel": context.weights["recurrent_kernel"]})
    axis = spec.recurrence.channel_axis(x.ndim - 1)
    zeros = np.zeros_like(np.split(gates[:, 0], 4, axis=axis)[0])
    h, c = initial or (zeros, zeros)
    output, outputs, mask = zeros, [], context.mask if spec.masked else None
    for t in range(x.shape[1])[:: -1 if spec.go_backwards else 1]:
        total = gates[:, t] + np.asarray(convolution(spec.recurrence, inner, h))
        i, f, g, o = np.split(total, 4, axis=axis)
        i, f, o = (
            context.watch(f"{name} gate", apply(spec.recurrent_activation, gate))
            for name, gate in (("input", i), ("forget", f), ("output", o))
        )
        new_c = f * c + i * apply(spec.activation, g)
        new_h = o * apply(spec.activation, new_c)
        kept = np.ones(len(x), bool) if mask is None else mask[:, t]
        kept = kept.reshape(-1, *[1] * (h.ndim - 1))
        output = np.where(kept, new_h, 0 if spec.zero_masked else output)
        h, c = np.where(kept, new_h, h), np.where(kept, new_c, c)
        output = c if spec.gives_last_state else output
        outputs.append(output)
    y = np.stack(outputs, axis=1) if spec.return_sequences else output
    return (y, h, c) if spec.return_state else (y,)

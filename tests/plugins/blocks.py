"""The layers of blocks.h5 and blocks.keras, composed of the layers that they hold."""

import numpy as np

from kerasport.plugins import CustomLayer, Tensor, compose


@compose("PlacedEmbedding")
def placed_embedding(layer: CustomLayer, x: Tensor) -> Tensor:
    width, places = layer.config.integer("width"), layer.config.integer("places")
    token_emb = layer.part("token_emb", "Embedding", input_dim=layer.config.integer("words"), output_dim=width)
    pos_emb = layer.part("pos_emb", "Embedding", input_dim=places, output_dim=width)
    return token_emb(x) + pos_emb(layer.constant(np.arange(places)))


@compose("TransformerBlock", ignored="rate")
def transformer_block(layer: CustomLayer, x: Tensor) -> Tensor:
    width = layer.config.integer("width")
    att = layer.part("att", "MultiHeadAttention", num_heads=layer.config.integer("heads"), key_dim=width)
    hidden = layer.config.integer("hidden")
    ffn = layer.sequence("ffn", ("Dense", {"units": hidden, "activation": "relu"}), ("Dense", {"units": width}))
    first = layer.part("layernorm1", "LayerNormalization", epsilon=1e-6)
    second = layer.part("layernorm2", "LayerNormalization", epsilon=1e-6)
    attended = first(x + att(x, x))
    return second(attended + ffn(attended))

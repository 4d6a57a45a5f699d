"""Layers of other packages that are known and refused: each with the reason, and the way on."""

from __future__ import annotations

from kerasport.layers.refused import Refusal

_BEHIND = "what is behind it is Model(layer.output, model.output) in Keras: save that, and convert it here"
_DISTRIBUTION = Refusal(
    "as tensorflow-probability has it, it gives a distribution that a pickled Python function makes, which is code",
    "the distribution's parameters are what the layer before it gives",
)
_VARIATIONAL = Refusal(
    "as tensorflow-probability has it, it draws its weights anew for each prediction, from what a Python function in"
    " the file makes, which is code",
    "save the model with Keras's layer in its place, whose weights are the means of these",
)
_MASK_RCNN = Refusal(
    "as Mask R-CNN has it, its settings are in the Config of the program and not in the file",
    f"do what it does in the program; {_BEHIND}",
)
_FAKE_QUANTIZED = Refusal(
    "as tensorflow-model-optimization has it, Python classes that it names say how its weights and results are rounded",
    "save the model as it was before quantize_model, with the weights that were trained, and convert that",
)
_SETS = {
    "KerasLayer": Refusal(
        "as tensorflow-hub has it, its graph is in a SavedModel elsewhere, and this file has its address",
        f"convert that SavedModel with tf2onnx; {_BEHIND}",
    ),
    "AutoregressiveTransform CategoricalMixtureOfOneHotCategorical DistributionLambda IndependentBernoulli"
    " IndependentLogistic IndependentNormal IndependentPoisson MixtureLogistic MixtureNormal MixtureSameFamily"
    " MultivariateNormalTriL OneHotCategorical VariationalGaussianProcess": _DISTRIBUTION,
    "Conv1DFlipout Conv1DReparameterization Conv2DFlipout Conv2DReparameterization Conv3DFlipout"
    " Conv3DReparameterization DenseFlipout DenseLocalReparameterization DenseReparameterization"
    " DenseVariational": _VARIATIONAL,
    "FilterDetections": Refusal(
        "as keras-retinanet has it, it chooses among boxes in a loop over images and classes that is not translated",
        "boxes and scores are what the layers before it give; choose among them in the program",
    ),
    "DetectionLayer DetectionTargetLayer ProposalLayer PyramidROIAlign": _MASK_RCNN,
    "QuantizeLayer QuantizeWrapper QuantizeWrapperV2": _FAKE_QUANTIZED,
    "AnchorBoxes": Refusal(
        "as ssd_keras has it, the file lacks the steps and offsets of its boxes, which only the program has",
        "make the boxes in the program: they are the same for all images of a size",
    ),
    "DecodeDetections DecodeDetections2 DecodeDetectionsFast": Refusal(
        "as ssd_keras has it, it chooses among boxes in a loop over images and classes that is not translated",
        "boxes and scores are what the layer before it gives; choose among them in the program",
    ),
}
LAYERS = {name: refusal for names, refusal in _SETS.items() for name in names.split()}


def refusal(name: str) -> Refusal | None:
    """Why a class cannot be converted, None where nothing is known of it; with or without its package."""
    return LAYERS.get(name.rpartition(">")[2])

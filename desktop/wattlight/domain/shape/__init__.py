"""The shape of a model: header key/values and tensor table."""

from .model_shape import MetadataValue, ModelShape, Scalar, ShapeSource, Tensor
from .tensor_types import TYPE_BY_NAME, TYPE_BY_NUMBER, TensorType, row_bytes

__all__ = [
    "TYPE_BY_NAME",
    "TYPE_BY_NUMBER",
    "MetadataValue",
    "ModelShape",
    "Scalar",
    "ShapeSource",
    "Tensor",
    "TensorType",
    "row_bytes",
]

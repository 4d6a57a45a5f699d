"""ONNX Runtime: sessions, execution providers, processors."""

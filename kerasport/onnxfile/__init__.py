"""ONNX files, read and written without being held in memory."""

"""From a checkpoint's ONNX graphs to TensorRT engines: rewriting the graphs, checking them, knowing what was built."""

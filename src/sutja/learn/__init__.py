"""From clips to networks: `folds` cuts, `sounds` lists what is learned from, `training` learns, `to_onnx` ships."""
